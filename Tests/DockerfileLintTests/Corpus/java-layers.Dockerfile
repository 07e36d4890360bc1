FROM eclipse-temurin:17-jre as extract
COPY target/app.jar app.jar
RUN java -Djarmode=layertools -jar app.jar extract
FROM eclipse-temurin:17-jre
COPY --from=extract dependencies/ ./
COPY --from=extract application/ ./
ENTRYPOINT ["java", "org.springframework.boot.loader.launch.JarLauncher"]
