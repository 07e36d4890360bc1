// DockerCommandLine
