# syntax=docker/dockerfile:1

# Node 20 is what Headgate is tested and measured on.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
COPY packages packages
RUN npm ci --no-audit --no-fund
COPY scripts scripts
COPY src src
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:20-slim
# The certificates are for Temporal Cloud and for key sets over https: the slim image has none. tini is process 1: it
# passes signals on from the first moment, and collects processes that have lost their parents.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Without TEMPORAL_ADDRESS it refuses to start: a Temporal of its own would have to be downloaded into the container.
# HEADGATE_EMBEDDED_TEMPORAL=on asks for that.
ENV NODE_ENV=production \
    HEADGATE_DATA_DIR=/data \
    HEADGATE_CACHE_DIR=/data/cache \
    HEADGATE_EMBEDDED_TEMPORAL=off \
    HEADGATE_HOST=0.0.0.0
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/packages packages
COPY --from=build /app/dist dist
COPY bin bin
COPY examples examples
RUN ln -s /app/bin/headgate.mjs /usr/local/bin/headgate \
  && mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HEADGATE_PORT || 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
# It writes to /data and /tmp alone: docker run --read-only --tmpfs /tmp -v headgate:/data.
# It drains on SIGTERM; give it more time than HEADGATE_SHUTDOWN_GRACE_SECONDS (20): docker stop --time 30.
CMD ["headgate", "start"]
