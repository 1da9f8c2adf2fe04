// Starts GraphiQL with the server's ready-made queries and a bar to sign in. The access token stays in this tab.
(() => {
  'use strict';
  const { createElement: h, useState, useMemo, useCallback } = React;
  const url = new URL('/graphql', location.href).href;
  const subscriptionUrl = url.replace(/^http/, 'ws');
  const SIGN_IN = 'mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }';
  const STORAGE_KEY = 'trestle:session';

  const readSession = () => {
    try {
      return JSON.parse(sessionStorage.getItem(STORAGE_KEY)) || null;
    } catch {
      return null;
    }
  };
  const writeSession = (session) => {
    if (session) sessionStorage.setItem(STORAGE_KEY, JSON.stringify(session));
    else sessionStorage.removeItem(STORAGE_KEY);
  };

  async function signIn(email, password) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query: SIGN_IN, variables: { input: { email, password } } }),
    });
    const { data, errors } = await response.json();
    const token = data && data.signIn && data.signIn.accessToken;
    if (token) return token;
    const problems = errors || (data && data.signIn && data.signIn.userErrors) || [];
    throw new Error(problems.map((problem) => problem.message).join(' ') || 'Signing in failed.');
  }

  const hasAuthorization = (headers) =>
    Object.keys(headers || {}).some((name) => name.toLowerCase() === 'authorization');

  function createFetcher(session, onRenewed, onEnded) {
    let token = session && session.token;
    const withToken = (headers) =>
      token && !hasAuthorization(headers) ? { ...headers, Authorization: `Bearer ${token}` } : headers;
    const fetchWithToken = async (address, init) => {
      const own = hasAuthorization(init.headers);
      const response = await fetch(address, { ...init, headers: withToken(init.headers) });
      if (response.status !== 401 || own || !session) return response;
      // Access tokens are short-lived: renew once where the password is a ready-made one, else say so.
      if (!session.password) {
        onEnded();
        return response;
      }
      token = await signIn(session.email, session.password);
      onRenewed(token);
      return fetch(address, { ...init, headers: withToken(init.headers) });
    };
    const fetcher = GraphiQL.createFetcher({ url, subscriptionUrl, fetch: fetchWithToken });
    // Subscriptions take their token from the headers, which become the payload of connection_init.
    return (parameters, options) => {
      const isSubscription =
        options && options.documentAST && parameters.operationName !== 'IntrospectionQuery' &&
        options.documentAST.definitions.some(
          (definition) =>
            definition.operation === 'subscription' &&
            (!parameters.operationName || (definition.name && definition.name.value === parameters.operationName)),
        );
      return fetcher(parameters, isSubscription ? { ...options, headers: withToken(options.headers || {}) } : options);
    };
  }

  function Bar({ config, session, failure, onSignIn, onSignOut }) {
    const [email, setEmail] = useState('');
    const [password, setPassword] = useState('');
    const submit = (event) => {
      event.preventDefault();
      onSignIn({ title: email, email, password, isReadyMade: false });
      setPassword('');
    };
    return h('div', { className: 'bar', role: 'region', 'aria-label': 'Sign in' },
      h('strong', null, 'Trestle'),
      config.signIns.length > 0 && h('span', null, 'Sign in as'),
      config.signIns.map((entry) =>
        h('button', {
          key: entry.email,
          type: 'button',
          title: entry.email,
          'aria-pressed': Boolean(session && session.email === entry.email),
          onClick: () => onSignIn({ ...entry, isReadyMade: true }),
        }, entry.title)),
      !session && h('form', { onSubmit: submit },
        h('input', { type: 'email', required: true, placeholder: 'Email', 'aria-label': 'Email', autoComplete: 'username', value: email, onChange: (event) => setEmail(event.target.value) }),
        h('input', { type: 'password', required: true, placeholder: 'Password', 'aria-label': 'Password', autoComplete: 'current-password', value: password, onChange: (event) => setPassword(event.target.value) }),
        h('button', { type: 'submit' }, 'Sign in')),
      h('span', { className: 'spacer' }),
      failure && h('span', { className: 'failure', role: 'alert' }, failure),
      h('span', null, session ? `Signed in: ${session.title}` : 'Not signed in'),
      session && h('button', { type: 'button', onClick: onSignOut }, 'Sign out'));
  }

  function App({ config }) {
    const [session, setSession] = useState(readSession);
    const [failure, setFailure] = useState('');
    const change = useCallback((next) => {
      writeSession(next);
      setSession(next);
    }, []);
    const onSignIn = useCallback(async ({ title, email, password, isReadyMade }) => {
      setFailure('');
      try {
        const token = await signIn(email, password);
        // Only ready-made passwords are kept, for renewal: the page holds them anyway.
        change({ title, email, token, password: isReadyMade ? password : undefined });
      } catch (error) {
        setFailure(error.message);
      }
    }, [change]);
    // Keyed by the person, not the token: a renewed token must not throw away what is shown.
    const fetcher = useMemo(() => createFetcher(
      session,
      (token) => writeSession({ ...session, token }),
      () => {
        setFailure('The session has expired: please sign in again.');
        change(null);
      },
    ), [session, change]);
    return h(React.Fragment, null,
      h(Bar, { config, session, failure, onSignIn, onSignOut: () => change(null) }),
      h(GraphiQL, {
        fetcher,
        defaultTabs: config.tabs.length > 0 ? config.tabs : undefined,
        defaultEditorToolsVisibility: 'variables',
        isHeadersEditorEnabled: true,
        inputValueDeprecation: true,
      }));
  }

  async function start() {
    const root = document.getElementById('root');
    try {
      const response = await fetch('/graphiql/config.json');
      if (!response.ok) throw new Error(`The configuration was answered ${response.status}.`);
      const config = await response.json();
      ReactDOM.createRoot(root).render(h(App, { config }));
    } catch (error) {
      root.textContent = `GraphiQL could not start: ${error.message}`;
    }
  }
  start();
})();
