FROM debian:12
RUN <<FILE1 cat > /file1 && <<FILE2 cat > /file2
I am
first
FILE1
I am $second
FILE2
COPY <<one <<two /dest/
content one
one
content two
two
RUN cat <<EOT > /etc/motd
  # not a Dockerfile comment
  FROM nowhere
EOT
