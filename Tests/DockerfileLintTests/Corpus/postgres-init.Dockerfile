FROM postgres:16
ENV POSTGRES_DB=app
COPY --chmod=0755 init/*.sql /docker-entrypoint-initdb.d/
HEALTHCHECK --interval=5s CMD ["pg_isready", "-U", "postgres"]
