FROM nginx:1.27-alpine
RUN apk add --no-cache gettext
COPY default.conf.template /etc/nginx/templates/
RUN printf '%s\n' \
    'server {' \
    '  listen 80;' \
    '}' > /etc/nginx/conf.d/x.conf
