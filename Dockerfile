# One image for every service of ours: its entry point is the command line. Debian, because Temporal's core has no build for
# Alpine's C library.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY sandbox sandbox
COPY dev-server dev-server
COPY bench bench
# Temporal's core comes for every platform; what is left is for this one, on either processor.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name '*-unknown-linux-gnu' -exec rm -r {} + \
  && chmod 755 dist/src/cli.js

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
# The vault's volume begins as a copy of this folder, for whichever user the container runs as.
RUN ln -s /app/dist/src/cli.js /usr/local/bin/aircall-dsr && install -d -m 1777 /var/lib/aircall-dsr
USER 1000:1000
ENTRYPOINT ["node", "/app/dist/src/cli.js"]
