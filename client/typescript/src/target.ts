import { isIPv4, isIPv6 } from "node:net";

/** A target that was read: where gRPC connects to, and whether that stays on this machine. */
export interface Target {
  /** As gRPC takes it. */
  readonly address: string;
  /** True for loopback addresses and Unix sockets. A scheme that is not known counts as remote. */
  readonly local: boolean;
}

const wanted = "want host:port, host:port,host:port, dns:///host:port or unix:///path";

/**
 * Reads a target, or several host:port with commas in between.
 *
 * @throws TypeError for all else.
 */
export function parseTargets(target: string): Target[] {
  const hosts = String(target).split(",");
  if (hosts.length > 1 && hosts.some((host) => host.includes("/"))) {
    throw new TypeError(`target "${target}": ${wanted}`);
  }
  return hosts.map(parseTarget);
}

/**
 * Reads host:port, dns:///host:port, unix:///path or unix:path.
 *
 * @throws TypeError for all else.
 */
export function parseTarget(target: string): Target {
  const refuse = () => new TypeError(`target "${target}": ${wanted}`);
  if (target.startsWith("unix:")) {
    const path = target.slice("unix:".length);
    if (path === "" || (path.startsWith("//") && !path.startsWith("///"))) {
      throw refuse(); // gRPC would find out in the first call only
    }
    return { address: target, local: true };
  }
  const dns = /^dns:\/\/[^/]*\/(.*)$/.exec(target);
  if (dns === null && target.includes("://")) {
    return { address: target, local: false };
  }
  const local = isLocal(dns?.[1] ?? target);
  if (local === undefined) {
    throw refuse();
  }
  return { address: dns === null ? `dns:///${target}` : target, local };
}

/** Whether host:port is on this machine; undefined if it is no host:port. */
function isLocal(endpoint: string): boolean | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:[\]/]+)):(\d{1,5})$/.exec(endpoint);
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined || Number(parts?.[3]) > 65535) {
    return undefined;
  }
  if (parts?.[1] !== undefined) {
    return isIPv6(host) ? isLoopback6(host) : undefined;
  }
  return host === "localhost" || (isIPv4(host) && host.startsWith("127."));
}

function isLoopback6(host: string): boolean {
  return new URL(`http://[${host}]`).hostname === "[::1]" || /^::ffff:127\.\d+\.\d+\.\d+$/i.test(host);
}
