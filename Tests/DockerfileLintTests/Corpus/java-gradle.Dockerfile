FROM gradle:8.10-jdk21 AS build
USER gradle
COPY --chown=gradle:gradle . /home/gradle/src
WORKDIR /home/gradle/src
RUN gradle build --no-daemon
FROM openjdk:21-slim
EXPOSE 8080/tcp 8443/tcp
HEALTHCHECK --interval=30s --timeout=3s \
  CMD curl -f http://localhost:8080/actuator/health || exit 1
COPY --from=build /home/gradle/src/build/libs/*.jar app.jar
