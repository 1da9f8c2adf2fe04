import { createServer, type Server } from "node:http";
import { scene } from "./scene";

export const hostOrigin = `http://127.0.0.1:${String(scene.hostPort)}`;

interface HostPage {
  body: string;
  script: string;
}

/** A page of somebody else's, at another origin, whose policy allows nothing inline. */
export async function serveHostPage({ body, script }: HostPage): Promise<Server> {
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${scene.url}`,
    `connect-src 'self' ${scene.url}`,
    `frame-src ${scene.url}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
  ].join("; ");
  const page = `<!doctype html><html lang="en"><head><title>Shop</title><meta charset="utf-8"><link rel="stylesheet" href="/host.css"></head><body><main><h1>Shop</h1>${body}</main><script type="module" src="/host.js"></script></body></html>`;
  const files: Record<string, [type: string, content: string]> = {
    "/": ["text/html; charset=utf-8", page],
    "/host.js": ["text/javascript; charset=utf-8", script],
    "/host.css": ["text/css; charset=utf-8", ":root { --trestle-text: rgb(1, 2, 3); } p, button, h2 { color: red; font: 40px serif; }"],
    "/favicon.ico": ["image/x-icon", ""],
  };
  const server = createServer((request, response) => {
    const file = files[request.url ?? "/"];
    response.writeHead(file ? 200 : 404, { "content-type": file?.[0] ?? "text/plain", "content-security-policy": policy });
    response.end(file?.[1] ?? "");
  });
  await new Promise<void>((resolve) => server.listen(scene.hostPort, "127.0.0.1", resolve));
  return server;
}
