import ArgumentParser
import DockerCommandLine
import Formats
import Host
import Shim

/// `slipway build`
struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Build as docker build does, on a shared builder, and load only what changed.",
        discussion: """
            Takes the words of docker build and passes them on. Where a builder other than the engine's own builds (--builder, \
            BUILDX_BUILDER, or the setting builder), the image stays there at first: an engine that already has it gets only its \
            names, and with the setting builder.registry any other gets only the layers that it lacks. Otherwise, docker itself \
            builds and loads, with the words as they were typed. Attestations would change an image's identity with every build: \
            there are none without --provenance. SLIPWAY_TRACE=1 tells on standard error what was done. docs/loading.md tells more.

            The exit code is docker's; 1 also when a file that was asked for cannot be written; 128 plus the number of the signal \
            that ended it while an image was loaded.

              slipway build --builder team -t app .
            """)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("The words of docker build.", valueName: "words"))
    var words: [String] = []

    func run() throws {
        // The parser's Strings cannot hold invalid UTF-8, so the words come from the kernel's copy.
        try LoadingBuild(["docker", "build"] + Kernel.arguments.dropFirst(2), asTyped: .shim).run()
    }
}

/// `slipway docker-build`: what the shim becomes if the setting builder.load is `shim`.
struct DockerBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docker-build",
        abstract: "Run a docker command that builds, and load only what changed; the shim becomes this itself.",
        shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp("The docker command.", valueName: "words"))
    var words: [String] = []

    func run() throws { try LoadingBuild(Array(Kernel.arguments.dropFirst(2)), asTyped: .docker).run() }
}
