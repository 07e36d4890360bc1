import ArgumentParser
import Engine
import Formats
import Host
import Planning
import Shim

/// Shared by the commands that ask an engine.
enum EngineCommands {
    /// The engine that the user's docker uses, without going through the shim.
    static func client() throws(DockerClientError) -> DockerClient {
        guard let docker = RealDocker.find() else {
            throw DockerClientError(
                .dockerMissing, "no docker found: install one, or name it with SLIPWAY_DOCKER")
        }
        let changes = RealDocker.changes(for: docker) + [EnvironmentChange(name: "SLIPWAY", value: "off")]
        return DockerClient(
            path: docker.path, environment: EnvironmentChange.apply(changes, to: Kernel.environment))
    }

    /// Prints a failure; throw the result to end the program.
    static func complain(_ failure: DockerClientError, json: Bool) -> ExitCode {
        if json { Output.write(failure.json) } else { Output.complain(failure.message, below: failure.details) }
        return ExitCode(failure.exitCode)
    }
}
