import ArgumentParser
import Formats
import Host
import Shim

/// `slipway paths`
struct PathsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paths",
        abstract: "Show how paths are translated for an engine that sees other files.",
        discussion: """
            In a container whose docker reaches an engine outside of it, the sources of mounts are translated to the \
            engine's paths. Shows the table, the origin of each row, and the translation of the given paths.

              slipway paths .
            """)

    @Flag(help: "Print JSON: rows, paths, notes.")
    var json = false

    @Argument(help: "Paths to translate.")
    var paths: [String] = []

    func run() {
        // The parser's Strings cannot hold invalid UTF-8.
        let words = Kernel.arguments
        let paths = paths.map { path in words.first { $0.lossy == path } ?? ByteString(path) }
        let lookup = PathLookup(LoadedSettings.load().settings, docker: RealDocker.find())
        if json { Output.write(lookup.json(for: paths)) } else { Output.write(lookup.text(for: paths)) }
    }
}
