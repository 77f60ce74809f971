# Keymeter in a container: only the executable and libpq. Builds with BuildKit and with the classic builder.
#
# Base images are named by release line rather than digest, so that a rebuild picks up their security fixes. Debian
# packages are unpinned for the same reason (hadolint's DL3008). Pin both if you need reproducible images.

FROM swift:6.3-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends libpq-dev pkg-config \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# The dependencies change less often than the sources, so they get a separate layer.
COPY Package.* ./
RUN swift package resolve
# The tests are not built, but SwiftPM requires the folders that Package.swift names.
COPY Plugins Plugins
COPY openapi.json openapi.json
COPY sql sql
COPY Sources Sources
COPY Tests Tests
RUN swift build --configuration release --product keymeter --static-swift-stdlib
# Set modes here, so that a checkout made under a strict umask gives the same image.
COPY LICENSE scripts/container-health ./
RUN install -D --mode 0755 .build/release/keymeter /out/usr/local/bin/keymeter \
  && install -D --mode 0755 container-health /out/usr/local/bin/container-health \
  && install -D --mode 0644 LICENSE /out/usr/share/doc/keymeter/LICENSE

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Keymeter" \
  org.opencontainers.image.description="Multi-tenant API keys with exact monthly limits" \
  org.opencontainers.image.licenses="Apache-2.0"
# The uid is fixed and numeric, so that an orchestrator can verify that it is not root.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates libpq5 libstdc++6 \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 keymeter \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin keymeter
COPY --from=build /out/ /

USER 10001:10001
# A published port can't reach loopback inside the container.
ENV KEYMETER_HOST=0.0.0.0 \
  KEYMETER_PORT=8080 \
  KEYMETER_LOG_FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["container-health"]
ENTRYPOINT ["keymeter"]
CMD ["serve"]
