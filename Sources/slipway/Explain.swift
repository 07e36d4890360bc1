import ArgumentParser
import Formats
import Host
import Notes
import Planning
import Shim

/// `slipway explain -- docker ...`
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the command that the shim would run, and why.",
        discussion: """
            Takes no lease and changes nothing. The export directory is different in each call. For compose it shows \
            the bake that compose would run.

              slipway explain -- docker build -t app .
              slipway explain -- docker compose build web
              slipway explain -- docker buildx bake
            """)

    @Flag(help: "Print JSON: changed, argv, environment, leases, notes.")
    var json = false

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The docker command, after --.", valueName: "docker"))
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("Give the docker command after --, as in: slipway explain -- docker build .")
        }
    }

    func run() throws {
        // The parser's Strings cannot hold invalid UTF-8, so the arguments come from the kernel's copy.
        let all = Kernel.arguments
        let words = Array(all.drop { $0 != "--" }.dropFirst())
        guard let docker = RealDocker.find() else {
            throw Output.failure(
                "no-docker", "no docker found: install one, or name it with SLIPWAY_DOCKER", json: json)
        }
        let plan =
            Shim.isBypassed
            ? .unchanged(words, [Note(.bypassed)])
            : Decision.explain(words, docker: docker, LoadedSettings.load())
        if json { Output.write(plan.json) } else { Output.write(plan.text) }
    }
}
