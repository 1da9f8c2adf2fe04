// Starts GraphiQL with the server's ready-made queries and a bar to sign in, or to follow the link of a mail. The access
// token stays in this tab.
(() => {
  'use strict';
  // The one style element that GraphiQL makes, which stops the page from scrolling behind a dialog, takes it from here.
  window.__webpack_nonce__ = document.currentScript.nonce;
  const { createElement: h, useState, useMemo, useCallback } = React;
  const url = new URL('/graphql', location.href).href;
  const subscriptionUrl = url.replace(/^http/, 'ws');
  const SIGN_IN = 'mutation SignIn($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { code message } } }';
  // What the links of mails lead to where no portal has pages of its own: /graphql#acceptInvitation=TOKEN
  const LINKS = {
    acceptInvitation: { title: 'Choose a password to come in', button: 'Come in', done: 'Welcome.', fields: 'accessToken viewer { user { email } }' },
    resetPassword: { title: 'Choose a new password', button: 'Set it', done: 'That is your password now: please sign in.', fields: '' },
    confirmEmail: { title: 'Confirm your new mail address', button: 'Confirm', done: 'That is your mail address now.', fields: 'email' },
  };
  // What the links of notices lead to: /graphql#node=ID
  const NODE = `query Node($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on FailureGroup {
      summary suggestedAction groupStatus: status failureCount lastSeenAt integration { id name }
    }
    ... on Failure {
      summary suggestedAction failureStatus: status businessReference failedAt integration { id name }
    }
    ... on Run { runStatus: status startedAt finishedAt integration { id name } }
    ... on Integration { name integrationStatus: status statusReason }
    ... on System { name systemStatus: status statusMessage }
  }
}`;
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

  async function mutate(name, query, input) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { data, errors } = await response.json();
    const payload = (data && data[name]) || {};
    return { payload, problems: errors || payload.userErrors || [] };
  }

  const words = (problems) => problems.map((problem) => problem.message).join(' ');

  async function signIn(email, password, code) {
    const { payload, problems } = await mutate('signIn', SIGN_IN, { email, password, code });
    if (payload.accessToken) return payload.accessToken;
    if (!code && problems.some((problem) => problem.code === 'SECOND_FACTOR_REQUIRED')) {
      const typed = prompt('The code of your authenticator app, or a recovery code:');
      if (typed) return signIn(email, password, typed);
    }
    throw new Error(words(problems) || 'Signing in failed.');
  }

  /** The operation and token of a link, taken out of the address so that no history keeps them. */
  function readLink() {
    const [, name, token] = /^#(\w+)=([\w-]+)$/.exec(location.hash) || [];
    if (!name || !Object.hasOwn(LINKS, name)) return null;
    history.replaceState(null, '', location.pathname + location.search);
    return { name, token, ...LINKS[name] };
  }

  /** A tab with the object that a link names; an id is no secret, and the address may keep it. */
  function readNode() {
    const [, id] = /^#node=(\w+)$/.exec(location.hash) || [];
    return id ? { query: NODE, variables: JSON.stringify({ id }, null, 2) } : null;
  }

  async function follow({ name, token, fields }, password) {
    const input = name === 'confirmEmail' ? { token } : { token, password };
    const type = name[0].toUpperCase() + name.slice(1) + 'Input';
    const query = `mutation($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { message } } }`;
    const { payload, problems } = await mutate(name, query, input);
    if (problems.length > 0) throw new Error(words(problems));
    return payload;
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

  function LinkForm({ link, onFollow }) {
    const [password, setPassword] = useState('');
    const submit = (event) => {
      event.preventDefault();
      onFollow(password);
    };
    return h('form', { onSubmit: submit },
      h('strong', null, link.title),
      link.name !== 'confirmEmail' && h('input', { type: 'password', required: true, placeholder: 'New password', 'aria-label': 'New password', autoComplete: 'new-password', value: password, onChange: (event) => setPassword(event.target.value) }),
      h('button', { type: 'submit' }, link.button));
  }

  function Bar({ config, session, link, failure, onSignIn, onSignOut, onFollow }) {
    const [email, setEmail] = useState('');
    const [password, setPassword] = useState('');
    const submit = (event) => {
      event.preventDefault();
      onSignIn({ title: email, email, password, isReadyMade: false });
      setPassword('');
    };
    return h('div', { className: 'bar', role: 'region', 'aria-label': 'Sign in' },
      h('strong', null, 'Trestle'),
      link && h(LinkForm, { link, onFollow }),
      config.signIns.length > 0 && h('span', null, 'Sign in as'),
      config.signIns.map((entry) =>
        h('button', {
          key: entry.email,
          type: 'button',
          title: entry.email,
          'aria-pressed': Boolean(session && session.email === entry.email),
          onClick: () => onSignIn({ ...entry, isReadyMade: true }),
        }, entry.title)),
      !session && !link && h('form', { onSubmit: submit },
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
    const [link, setLink] = useState(readLink);
    const [node] = useState(readNode);
    const tabs = useMemo(() => (node ? [node, ...config.tabs] : config.tabs), [node, config]);
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
    const onFollow = useCallback(async (password) => {
      setFailure('');
      try {
        const { accessToken, viewer } = await follow(link, password);
        if (accessToken) change({ title: viewer.user.email, email: viewer.user.email, token: accessToken });
        setLink(null);
        setFailure(link.done);
      } catch (error) {
        setFailure(error.message);
      }
    }, [link, change]);
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
      h(Bar, { config, session, link, failure, onSignIn, onSignOut: () => change(null), onFollow }),
      h(GraphiQL, {
        fetcher,
        // In a browser that has tabs of its own it is one more, and the one that is shown.
        query: node ? node.query : undefined,
        variables: node ? node.variables : undefined,
        defaultTabs: tabs.length > 0 ? tabs : undefined,
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
