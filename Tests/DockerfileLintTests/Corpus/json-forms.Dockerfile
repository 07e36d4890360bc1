FROM debian:12
RUN ["apt-get", "update"]
RUN [ "bash", "-c", "echo \"quoted\" && pip install --no-cache-dir x" ]
RUN [ -f /etc/passwd ] || exit 1
CMD []
ENTRYPOINT [ "/bin/sh" , "-c" , "exec \"$@\"" ]
