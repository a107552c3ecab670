# Two stages: the first builds the wheel and a venv, the second carries only the venv.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
COPY schemas schemas
COPY models/contact-small models/contact-small
RUN python -m venv /opt/voc \
 && /opt/voc/bin/pip install --no-cache-dir . \
 && /opt/voc/bin/python -m compileall -q /opt/voc/lib

FROM python:3.12-slim
LABEL org.opencontainers.image.title="voc" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin voc
COPY --from=build /opt/voc /opt/voc
# The root file system may be read-only: everything written at run time goes to /tmp.
ENV PATH=/opt/voc/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    VOC_WORKER__HOST=0.0.0.0 \
    VOC_GATEWAY__HOST=0.0.0.0 \
    VOC_LOG__FORMAT=json
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["voc"]
CMD ["worker"]
