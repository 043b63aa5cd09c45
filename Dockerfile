# One image for the code location, the webserver and the daemon; docker-compose.yml says what each of them runs.
FROM python:3.11-slim

WORKDIR /app
COPY pyproject.toml README.md constraints.txt ./
COPY migration_pipelines ./migration_pipelines
RUN pip install --no-cache-dir --constraint constraints.txt --editable .
COPY dagster.yaml ./

# A fresh volume takes its owner from the folder in the image.
RUN useradd --system --create-home migration \
    && install --directory --owner=migration --mode=0700 /home/migration/state /home/migration/state/dagster /home/migration/state/files \
       /home/migration/state/tokens
USER migration
ENV MIGRATION_HOME=/home/migration/state \
    MIGRATION_PROJECTS=/app/projects \
    PYTHONUNBUFFERED=1
