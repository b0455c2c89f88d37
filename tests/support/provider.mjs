// A real OpenID provider (the npm package oidc-provider) for tests: node provider.mjs CONFIG.json
// CONFIG: {modules, port, keys (private JWKs), audience, scopes, lifetime}. It prints its issuer, then a line per
// request. A client asks for a token of an algorithm by the resource https://marts.example/<algorithm>.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = createRequire(`${config.modules}/`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));

const server = createServer();
await new Promise((resolve) => server.listen(config.port, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  jwks: { keys: config.keys },
  cookies: { keys: ["only for tests"] },
  scopes: ["openid", ...config.scopes],
  ttl: { ClientCredentials: config.lifetime },
  pkce: { required: () => false },
  clients: [
    {
      client_id: "reader",
      client_secret: "reader-secret",
      grant_types: ["client_credentials", "authorization_code"],
      redirect_uris: ["https://reader.example/callback"],
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        audience: config.audience,
        scope: config.scopes.join(" "),
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: resource.split("/").pop() } },
      }),
    },
  },
});
const answer = provider.callback();
server.on("request", (request, response) => {
  console.log(`${request.method} ${request.url}`);
  answer(request, response);
});
console.log(issuer);
