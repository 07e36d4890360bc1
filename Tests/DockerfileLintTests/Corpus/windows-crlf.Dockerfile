FROM mcr.example/windows/nanoserver:1809
COPY . C:\\app
RUN echo hello \
    world
# comment
CMD [ "cmd" ]
