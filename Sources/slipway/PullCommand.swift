import ArgumentParser
import BuildCache
import Formats
import Host
import Notes
import Planning
import Remote
import Shim

/// `slipway pull`
struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch what other hosts have built, from the registry in the setting remote.",
        discussion: """
            For the build that follows --, for each KEY, or for the repository in the current directory: fetches \
            everything that its writers have pushed and that is not here yet, verifies every byte, and respects \
            remote.max-fetch and store.max-size. Does not run the build itself. Exits with 0 if everything available \
            is here, 1 if something could not be fetched, 2 for bad usage; the build works in any case. See \
            docs/remote.md.

              slipway pull -- docker build -t app .
              slipway pull
            """)

    @Flag(
        help: """
            Print JSON: pulled (key, repository, tags, new, bytes, partly (code, message), refused (code, message)), failed (key, code, cause, message, \
            advice).
            """)
    var json = false

    @Argument(
        help: ArgumentHelp("Keys, as named by `slipway status`; or -- and a docker build.", valueName: "key"))
    var words: [String] = []

    func run() throws {
        DeferredSignals.hold()
        let site = try RemoteSite(json: json)
        // The parser's Strings cannot hold invalid UTF-8.
        let command = Array(Kernel.arguments.drop { $0 != "--" }.dropFirst())
        let keys = try site.keys(command.isEmpty ? words : [], or: command, json: json)
        var pulled: [JSON] = []
        var failed: [JSON] = []
        var fetched: [Key] = []
        var failure: RemoteFailure?
        let line = ProgressLine(.standardError(!json))
        var isRefused = false
        for key in keys {
            guard failure?.concernsAll != true else { break }
            do throws(RemoteFailure) {
                var replication = try site.replication()
                replication.progress = line.show
                defer { line.clear() }
                let progress = Progress()
                let done = try replication.fetch(key, again: true)
                site.state.clear(.fetch)
                if done.new > 0 { fetched.append(key) }
                isRefused = isRefused || !done.refused.isEmpty
                line.clear()
                pulled.append(done.json(key, below: site.prefix))
                if !json { tell(done, key, progress) }
            } catch {
                failure = error
                failed.append(
                    .object([.init(name: "key", value: .string(key.directoryName))] + (error.json.members ?? [])))
                if !json { Output.complain(key.directoryName + ": " + error.text) }
            }
        }
        site.store.publishUnion(for: fetched, site.settings)
        if json { Output.write(.object(["pulled": .array(pulled), "failed": .array(failed)])) }
        if failure != nil || isRefused { throw RemoteSite.exitCode(failure) }
    }

    private func tell(_ done: Replication.Fetched, _ key: Key, _ progress: Progress) {
        let writers = ByteString(decimal: done.tags) + (done.tags == 1 ? " writer" : " writers")
        let text: ByteString =
            done.new > 0
            ? "fetched " + ByteSize.text(done.bytes) + " from " + writers + " " + progress.summary(done.bytes)
            : done.tags == 0 ? "nobody has pushed anything" : "nothing new from " + writers
        Output.write(Output.lines([key.directoryName + ": " + text]))
        for note in done.partly { Output.write(Output.lines([note.message + " (" + note.reason.code + ")"])) }
        for note in done.refused { Output.complain(note.message + " (" + note.reason.code + ")") }
    }
}

extension Replication.Fetched {
    func json(_ key: Key, below prefix: ByteString) -> JSON {
        .object([
            "key": .string(key.directoryName),
            "repository": .string(Replication.repository(of: key, below: prefix)), "tags": .integer(tags),
            "new": .integer(new), "bytes": .integer(Int(clamping: bytes)),
            "partly": .array(partly.map(Self.json)), "refused": .array(refused.map(Self.json)),
        ])
    }

    private static func json(_ note: Note) -> JSON {
        .object(["code": .string(note.reason.code), "message": .string(note.message)])
    }
}
