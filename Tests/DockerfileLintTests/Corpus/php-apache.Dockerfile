FROM php:8.2-apache
RUN a2enmod rewrite headers
RUN set -eux; \
    { \
        echo 'opcache.memory_consumption=128'; \
        echo 'opcache.interned_strings_buffer=8'; \
    } > /usr/local/etc/php/conf.d/opcache-recommended.ini
RUN sed -ri -e 's!/var/www/html!${APACHE_DOCUMENT_ROOT}!g' /etc/apache2/sites-available/*.conf
VOLUME /var/www/html
