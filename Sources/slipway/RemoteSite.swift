import ArgumentParser
import BuildCache
import DockerCommandLine
import Formats
import Host
import Notes
import Planning
import Remote
import Shim

/// Shared by the commands that talk to a registry: the settings that name it, the store, and the remembered state.
struct RemoteSite {
    let settings: Settings
    let prefix: ByteString
    let store: Store
    let state: RemoteState

    /// Throws if something is missing, and says what.
    init(json: Bool) throws {
        settings = LoadedSettings.load().settings
        guard let prefix = settings.remote.prefix else {
            throw Output.failure(
                "no-remote", "no registry is named: set remote = REGISTRY/PATH, or SLIPWAY_REMOTE; see docs/remote.md",
                json: json)
        }
        guard let folder = Locations.state, let layout = (settings.store ?? Locations.store).flatMap(StoreLayout.init)
        else {
            throw Output.failure(
                "no-home", "there is no directory for a store: set HOME, or the setting store", json: json)
        }
        self.prefix = prefix
        store = Store(layout)
        state = RemoteState(in: folder, of: prefix)
    }

    /// With the client that the settings name, or that is found.
    func replication() throws(RemoteFailure) -> Replication {
        let client = try RemoteClient.find(settings.remote)
        return Replication(client, store, settings, state, prefix: prefix)
    }

    /// The build with these arguments, or that of the directory's own Dockerfile.
    static func identity(of words: [ByteString]) -> BuildIdentity? {
        guard let directory = try? Kernel.workingDirectory() else { return nil }
        let words = words.isEmpty ? ["docker", "build", "."] : words
        guard case .build(let build) = Invocation.parse(words) else { return nil }
        let description = BuildDescription(build, in: directory)
        return BuildIdentity(of: description, platform: "linux/" + Kernel.architecture)
    }

    /// The named keys; otherwise those of the build, or those of this repository that the store knows.
    func keys(_ names: [String], or words: [ByteString], json: Bool) throws -> [Key] {
        let known = store.ownKeys
        guard names.isEmpty else {
            return try names.map { name in
                guard let key = known.first(where: { $0.directoryName == ByteString(name) }) else {
                    throw Output.failure(
                        "unknown-key", "no key is called " + ByteString(name) + ": `slipway status` names them",
                        json: json)
                }
                return key
            }
        }
        guard let identity = Self.identity(of: words) else {
            throw Output.failure(
                "no-build", "the words after -- are not a docker build, such as slipway pull -- docker build -t app .",
                json: json)
        }
        guard words.isEmpty else { return [identity.key] }
        let others = known.filter { $0.repository == identity.key.repository }
        return ([identity.key] + others).withoutRepeats
    }

    /// The exit code for a failure.
    static func exitCode(_ failure: RemoteFailure?) -> ExitCode {
        failure?.signal.map { ExitCode(128 + $0) } ?? .failure
    }
}

extension RemoteFailure {
    /// For people: the problem, and what to do next.
    var text: ByteString { note.message + " (" + note.reason.code + "): " + cause.row.advice }

    /// Stable for programs.
    var json: JSON {
        .object([
            "code": .string(note.reason.code), "cause": .string(cause.rawValue), "message": .string(note.message),
            "advice": .string(cause.row.advice),
        ])
    }

    /// Whether the registry cannot be reached at all, so that nothing else need be tried.
    var concernsAll: Bool {
        switch cause {
        // Many registries allow anyone to read.
        case .clientMissing, .clientTooOld, .refused, .silent, .throttled, .notVerified: true
        default: signal != nil
        }
    }
}

extension ProgressLine {
    func show(_ progress: Replication.Progress) {
        switch progress {
        case .began(let text): step(text)
        case .moved(let done, let total): self.done(done, of: total)
        }
    }
}
