import { formatStorageKey, type Primitive } from "@strata/core";

/** Where a run's data lie, as a path for people: `tenant/app/agent/run`. */
export class Namespace {
  readonly tenant: string;
  readonly app: string;
  readonly agent: string;
  readonly run: string;

  constructor(tenant: string, app: string, agent: string, run: string) {
    this.tenant = tenant;
    this.app = app;
    this.agent = agent;
    this.run = run;
  }

  static forRun(run: string): Namespace {
    return new Namespace("default", "default", "default", run);
  }

  /** Parts are percent-encoded, so that different namespaces never read alike. */
  toString(): string {
    return [this.tenant, this.app, this.agent, this.run].map(encodeURIComponent).join("/");
  }

  /** A key of this run in the text form of messages and bundles. */
  key(primitive: Primitive, key: string, space = "default"): string {
    return formatStorageKey({ run: this.run, space, primitive, key });
  }
}
