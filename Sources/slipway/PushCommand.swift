import ArgumentParser
import BuildCache
import Formats
import Host
import Planning
import Remote

/// `slipway push`
struct PushCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Push what was built here to the registry in the setting remote.",
        discussion: """
            Pushes one manifest to REMOTE/KEY:WRITER for each KEY, or for each key of the repository in the current \
            directory. Whatever the registry already has is not sent again. With remote.role = writer, builds do the \
            same in the background; with reader nothing is pushed, and with writer-on-default-branch only from that \
            branch. Exits with 0 if the registry has everything, 1 if something could not be pushed, 2 for bad usage. \
            See docs/remote.md.

              slipway push
              slipway push app-0123456789abcdef
            """)

    @Flag(help: "Print JSON: pushed (key, reference, digest, bytes, new), failed (key, code, cause, message, advice).")
    var json = false

    @Argument(help: ArgumentHelp("Keys, as named by `slipway status`.", valueName: "key"))
    var keys: [String] = []

    func run() throws {
        DeferredSignals.hold()
        let site = try RemoteSite(json: json)
        let keys = try site.keys(self.keys, or: [], json: json)
        try checkRole(site)
        var pushed: [JSON] = []
        var failed: [JSON] = []
        var failure: RemoteFailure?
        let line = ProgressLine(.standardError(!json))
        for key in keys {
            guard failure?.concernsAll != true else { break }
            do throws(RemoteFailure) {
                var replication = try site.replication()
                replication.progress = line.show
                defer { line.clear() }
                let progress = Progress()
                guard let done = try replication.push(key) else { continue }
                site.state.clear(.push)
                pushed.append(
                    .object([
                        "key": .string(key.directoryName), "reference": .string(done.reference),
                        "digest": .string(done.digest), "bytes": .integer(Int(clamping: done.bytes)),
                        "new": .bool(done.isNew),
                    ]))
                line.clear()
                if !json {
                    let words: ByteString = done.isNew ? "pushed " : "has already "
                    let time = done.isNew ? " " + progress.summary(done.bytes) : ""
                    Output.write(
                        Output.lines([
                            words + done.reference + ", " + ByteSize.text(done.bytes) + time + ", " + done.digest
                        ]))
                }
            } catch {
                failure = error
                failed.append(
                    .object([.init(name: "key", value: .string(key.directoryName))] + (error.json.members ?? [])))
                if !json { Output.complain(key.directoryName + ": " + error.text) }
            }
        }
        if json {
            Output.write(.object(["pushed": .array(pushed), "failed": .array(failed)]))
        } else if pushed.isEmpty && failed.isEmpty {
            Output.write("nothing was built here yet\n")
        }
        if failure != nil { throw RemoteSite.exitCode(failure) }
    }

    private func checkRole(_ site: RemoteSite) throws {
        switch site.settings.remote.role {
        case .writer: return
        case .reader:
            throw Output.failure(
                "reader-only", "remote.role is reader, so nothing is pushed: set it to writer if this host may push",
                json: json)
        case .writerOnDefaultBranch:
            guard let identity = RemoteSite.identity(of: []),
                identity.defaultBranches.contains(identity.variant.branch)
            else {
                throw Output.failure(
                    "not-default-branch",
                    "remote.role is writer-on-default-branch, and another branch is checked out here: set it to writer if this host may push",
                    json: json)
            }
        }
    }
}
