import { Component, type ReactNode } from "react";
import { Crash } from "./Crash";

interface Props {
  /** Another one begins anew: the address of the page. */
  of?: string;
  children: ReactNode;
}

interface State {
  error: unknown;
  of: string | undefined;
}

/** Catches what a page throws, so that the rest of the portal stays. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, of: this.props.of };

  static getDerivedStateFromError(error: unknown): Partial<State> {
    return { error };
  }

  static getDerivedStateFromProps(props: Props, state: State): Partial<State> | null {
    return props.of === state.of ? null : { error: null, of: props.of };
  }

  override render() {
    return this.state.error === null ? (
      this.props.children
    ) : (
      <Crash error={this.state.error} onRetry={() => this.setState({ error: null })} />
    );
  }
}
