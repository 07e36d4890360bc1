import ArgumentParser
import BuildCache
import Formats
import Host
import Notes
import Planning
import Remote
import Shim

/// `slipway remote ...`
struct RemoteCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remote", abstract: "Look after the registry behind the store.",
        subcommands: [RemoteCheck.self, RemotePrune.self, RemoteSync.self, RemoteResolve.self])
}

/// `slipway remote sync`: what the background child of a build becomes.
struct RemoteSync: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Push and fetch after a build, as the settings say; builds start this themselves.",
        discussion: """
            Checks each key once in remote.interval. After a failure it leaves the registry alone for a while, longer \
            each time, depending on the cause. The journal records what was done and what was not. Prints nothing.
            """,
        shouldDisplay: false)

    @Flag(help: "The build was one from the default branch.")
    var defaultBranch = false

    @Flag(help: "A build waits for this: only fetch.")
    var fetchOnly = false

    @Argument(help: "Keys as JSON.")
    var keys: [String] = []

    func run() throws {
        // The caller may stop waiting at some point, and then the registry's client must not be left running.
        DeferredSignals.hold()
        let site = try RemoteSite(json: true)
        let keys = keys.compactMap { JSON(ByteString($0)) }.compactMap { Key($0) }
        guard !keys.isEmpty else { return }
        site.state.alone { RemoteRound(site, isDefaultBranch: defaultBranch, fetchOnly: fetchOnly).run(keys) }
    }
}

/// `slipway remote resolve`: what a build asks before its engine imports from the registry directly.
struct RemoteResolve: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Print a reference to the manifest that has most of a key; builds run this themselves.",
        shouldDisplay: false)

    @Argument(help: "The key as JSON.")
    var key: String

    func run() throws {
        DeferredSignals.hold()
        let site = try RemoteSite(json: false)
        guard let key = JSON(ByteString(key)).flatMap({ Key($0) }) else { throw ValidationError("no key") }
        do throws(RemoteFailure) {
            if let reference = try site.replication().resolve(key) { Output.write(reference + "\n") }
        } catch {
            throw Output.failure(error.note.reason.code, error.text, json: false)
        }
    }
}

/// One round in the background of a build.
struct RemoteRound {
    private let site: RemoteSite
    private let pushes: Bool

    init(_ site: RemoteSite, isDefaultBranch: Bool, fetchOnly: Bool) {
        self.site = site
        pushes =
            switch site.settings.remote.role {
            case _ where fetchOnly: false
            case .reader: false
            case .writer: true
            case .writerOnDefaultBranch: isDefaultBranch
            }
    }

    func run(_ keys: [Key]) {
        let now = Int(Clock.now / 1_000_000_000)
        let interval = Int(site.settings.remote.interval / 1_000_000_000)
        for key in keys {
            var known = site.state[key: key.directoryName]
            guard !(0..<interval).contains(now - known.looked) else { continue }
            known.looked = now
            site.state[key: key.directoryName] = known
            if pushes { attempt(.push) { (replication) throws(RemoteFailure) in try push(key, replication) } }
            attempt(.fetch) { (replication) throws(RemoteFailure) in try fetch(key, replication) }
        }
    }

    private func attempt(_ way: RemoteState.Way, _ body: (Replication) throws(RemoteFailure) -> Void) {
        guard site.state.waiting(way) == nil else { return }
        do throws(RemoteFailure) {
            try body(try site.replication())
            site.state.clear(way)
        } catch {
            let ways = error.concernsAll ? RemoteState.Way.allCases : [way]
            for way in ways { site.state.note(error, way) }
            journal([error.note], isChanged: false)
        }
    }

    private func push(_ key: Key, _ replication: Replication) throws(RemoteFailure) {
        guard let done = try replication.push(key), done.isNew else { return }
        journal([Note(.remotePushed, done.reference + ", " + ByteSize.text(done.bytes))], isChanged: true)
    }

    private func fetch(_ key: Key, _ replication: Replication) throws(RemoteFailure) {
        let done = try replication.fetch(key, again: false)
        if done.new > 0 { site.store.publishUnion(for: [key], site.settings) }
        let repository = Replication.repository(of: key, below: site.prefix)
        var notes = done.partly + done.refused
        if done.new > 0 { notes.insert(Note(.remoteFetched, repository + ", " + ByteSize.text(done.bytes)), at: 0) }
        if !notes.isEmpty { journal(notes, isChanged: done.new > 0) }
    }

    private func journal(_ notes: [Note], isChanged: Bool) {
        if site.settings.journal { Journal.append(notes, command: "remote", isChanged: isChanged) }
    }
}
