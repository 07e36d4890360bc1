import ArgumentParser
import BuildCache
import Formats
import Host
import Notes
import Planning
import Remote

/// `slipway remote check`
struct RemoteCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Test the registry with a probe, and report what is possible and how fast.",
        discussion: """
            On a reader it only sends queries; with --write it pushes 8 MiB of random bytes to REMOTE/slipway-probe \
            nevertheless, fetches them and deletes them. Reports the client, where credentials are found (not what \
            they are), seconds and MB/s. Exits with 1 if something failed, and says what to do about it.
            """)

    @Flag(help: "Push a probe even if remote.role is reader.")
    var write = false

    @Flag(
        help: "Print JSON: remote, role, client, version, credentials, possible, steps (name, seconds, bytes, failure)."
    )
    var json = false

    func run() throws {
        DeferredSignals.hold()
        let site = try RemoteSite(json: json)
        let client: RemoteClient
        do throws(RemoteFailure) {
            client = try RemoteClient.find(site.settings.remote)
        } catch {
            throw Output.failure(error.cause.rawValue, error.text, json: json)
        }
        let writer = site.settings.remote.writer ?? site.state.writer()
        let steps = RemoteProbe(client, prefix: site.prefix, writer: writer)
            .run(writing: write || site.settings.remote.role != .reader)
        let done = steps.filter { $0.failure == nil }.map(\.name)
        let possible: ByteString = done.contains("push") ? "writer" : done.contains("ask") ? "reader" : "nothing"
        let credentials = RemoteCredentials.source(for: site.prefix)
        if json {
            Output.write(
                .object([
                    "remote": .string(site.prefix), "role": .string(site.settings.remote.role.rawValue),
                    "client": .string(client.path), "version": .string(client.version),
                    "credentials": .string(credentials), "possible": .string(possible),
                    "steps": .array(steps.map(\.json)),
                ]))
        } else {
            Output.write(
                Output.lines(
                    [
                        site.prefix + " as " + site.settings.remote.role.rawValue,
                        "  client       " + client.path + (client.version.isEmpty ? "" : " " + client.version),
                        "  credentials  " + credentials,
                    ] + steps.map(\.line)))
            for step in steps { if let failure = step.failure, step.name != "delete" { Output.complain(failure.text) } }
            if possible == "reader", write || site.settings.remote.role != .reader {
                Output.complain("this host may only read there")
            }
        }
        // Many registries do not allow deletion.
        if steps.contains(where: { $0.failure != nil && $0.name != "delete" }) { throw ExitCode.failure }
    }
}

extension RemoteProbe.Step {
    var json: JSON {
        .object([
            "name": .string(name), "seconds": .number(seconds), "bytes": .integer(bytes),
            "failure": failure?.json ?? .null,
        ])
    }

    private var seconds: ByteString {
        let milliseconds = max(0, time / 1_000_000)
        return ByteString(decimal: milliseconds / 1000) + "."
            + ByteString(decimal: milliseconds % 1000).zeroPadded(to: 3)
    }

    var line: ByteString {
        let speed: ByteString =
            bytes == 0 || time <= 0 || failure != nil
            ? "" : ", " + ByteString(decimal: Int64(bytes) * 1_000 / max(1, time)) + " MB/s"
        return "  " + name.padded(to: 13)
            + (failure.map { $0.note.reason.code + " after " } ?? "") + seconds + " s" + speed
    }
}

/// `slipway remote prune`
struct RemotePrune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Delete what writers have pushed and nobody has built for a while, if the registry allows that.",
        discussion: """
            For each KEY, or for all keys that were pushed or fetched here: deletes manifests whose newest step is \
            older. The registry itself must collect the layers. Exits with 1 if something could not be deleted.

              slipway remote prune --older-than 30d --dry-run
            """)

    @Option(
        help: ArgumentHelp("The age of the newest step, such as 30d.", valueName: "time"),
        transform: { text in
            guard let time = TimeSpan.parse(ByteString(text)) else { throw ValidationError("Give a time such as 30d.") }
            return time
        })
    var olderThan: Int64

    @Flag(help: "Delete nothing; list what would be deleted.")
    var dryRun = false

    @Flag(
        help:
            "Print JSON: tags (reference, digest, newest, bytes, old, deleted), failed (key, code, cause, message, advice)."
    )
    var json = false

    @Argument(help: ArgumentHelp("Keys, as named by `slipway status`.", valueName: "key"))
    var keys: [String] = []

    func run() throws {
        DeferredSignals.hold()
        let site = try RemoteSite(json: json)
        let names = keys.isEmpty ? site.state.keys : keys.map { ByteString($0) }
        let cutoff = Int((Clock.now &- olderThan) / 1_000_000_000)
        var tags: [JSON] = []
        var failed: [JSON] = []
        var failure: RemoteFailure?
        for name in names where failure?.concernsAll != true {
            do throws(RemoteFailure) {
                let replication = try site.replication()
                for tag in try replication.tags(of: name) {
                    let isOld = tag.newest.map { $0 < cutoff } ?? false
                    if isOld && !dryRun { try replication.delete(tag) }
                    tags.append(
                        .object([
                            "reference": .string(tag.reference), "digest": .string(tag.digest),
                            "newest": .integer(orNull: tag.newest),
                            "bytes": .integer(Int(clamping: tag.bytes)),
                            "old": .bool(isOld), "deleted": .bool(isOld && !dryRun),
                        ]))
                    guard !json else { continue }
                    let word: ByteString = isOld ? dryRun ? "would delete  " : "deleted  " : "stays  "
                    Output.write(
                        Output.lines([
                            word + tag.reference + "  " + (tag.newest.map { Timestamp.text($0).prefix(16) } ?? "-")
                                + "  "
                                + ByteSize.text(tag.bytes)
                        ]))
                }
            } catch {
                failure = error
                failed.append(.object([.init(name: "key", value: .string(name))] + (error.json.members ?? [])))
                if !json { Output.complain(name + ": " + error.text) }
            }
        }
        if json { Output.write(.object(["tags": .array(tags), "failed": .array(failed)])) }
        if failure != nil { throw RemoteSite.exitCode(failure) }
    }
}
