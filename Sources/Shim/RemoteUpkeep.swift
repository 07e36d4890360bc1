public import BuildCache
internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
public import Planning

/// Runs `slipway remote sync` after a build: the background process behind the build becomes that program. The shim
/// itself knows nothing about registries.
enum RemoteUpkeep {
    /// Only a bake with many targets has more keys; the next command takes the others.
    private static let mostKeys = 32
    /// No program can be started with longer arguments.
    private static let mostBytes = 65_536

    /// If the settings say so, waits until other hosts' layers for a build have been fetched, but no longer than their
    /// limit. Returns a note about the result; nil if it did not wait.
    static func wait(for build: BuildIdentity, _ settings: Settings, _ globals: GlobalOptions) -> Note? {
        guard settings.remote.prefix != nil, let limit = settings.remote.wait, let slipway = AdminProgram.path() else {
            return nil
        }
        var fetch = Subprocess(
            program: slipway, arguments: ["slipway", "remote", "sync", "--fetch-only", "--", build.key.json.text],
            environment: environment(globals))
        fetch.nanoseconds = limit
        let began = Clock.monotonic
        var line = WaitingLine()
        func seconds() -> Int64 { (Clock.monotonic &- began) / 1_000_000_000 }
        defer { line.clear() }
        do throws(Errno) {
            _ = try fetch.run(while: {
                if Clock.monotonic &- began >= WaitingLine.silence {
                    line.show(
                        "fetching what others have built", seconds: seconds(),
                        "Ctrl-C stops, SLIPWAY_REMOTE_WAIT=1s waits a second at most")
                }
                return true
            })
            return Note(.remoteAwaited, ByteString(decimal: seconds()) + " s")
        } catch {
            return Note(.remoteTooLate, error == .timedOut ? "remote.wait" : ByteString(error.description))
        }
    }

    /// Why nothing is imported from the registry.
    struct Refusal: Error {
        let note: Note
    }

    /// Time limit for the probe, in nanoseconds: a registry that does not answer would block all builds of the engine.
    private static let probe: Int64 = 2_000_000_000

    /// The manifest in the registry that has most of a build's layers, if the registry answers within two seconds.
    static func resolve(
        _ build: BuildIdentity, _ settings: Settings, _ globals: GlobalOptions
    ) -> Result<ByteString, Refusal> {
        func refused(_ why: ByteString) -> Result<ByteString, Refusal> {
            .failure(Refusal(note: Note(.remoteNotImported, why)))
        }
        guard let prefix = settings.remote.prefix, let slipway = AdminProgram.path() else {
            return refused("no slipway beside docker")
        }
        var question = Subprocess(
            program: slipway, arguments: ["slipway", "remote", "resolve", "--", build.key.json.text],
            environment: environment(globals))
        question.nanoseconds = probe
        question.mostOutput = 4096
        do throws(Errno) {
            let answer = try question.run()
            let reference = answer.output.trimmed
            if answer.exitCode == 0, RemoteSettings.isReference(reference, below: prefix) { return .success(reference) }
            return refused(answer.exitCode == 0 ? "nothing was pushed for it" : answer.error.trimmed.prefix(200))
        } catch {
            return refused(error == .timedOut ? "no answer in 2 s" : ByteString(error.description))
        }
    }

    /// The client reads docker's own configuration.
    private static func environment(_ globals: GlobalOptions) -> [ByteString] {
        let change = globals.configDirectory.map { [EnvironmentChange(name: "DOCKER_CONFIG", value: $0)] } ?? []
        return EnvironmentChange.apply(change, to: Kernel.environment)
    }

    /// Returns only if there is nothing to do, or if it fails.
    static func begin(for builds: [BuildIdentity], _ settings: Settings, _ globals: GlobalOptions) {
        guard settings.remote.prefix != nil, settings.remote.mode == .replicate, !builds.isEmpty,
            let slipway = AdminProgram.path()
        else { return }
        let isDefault = builds.allSatisfy { $0.defaultBranches.contains($0.variant.branch) }
        let keys = builds.map(\.key).withoutRepeats.map(\.json.text).prefix(mostKeys)
        guard keys.reduce(0, { $0 + $1.count }) < mostBytes else { return }
        let words: [ByteString] =
            ["slipway", "remote", "sync"] + (isDefault ? ["--default-branch"] : []) + ["--"] + keys
        _ = Execution.become(slipway, arguments: .words(words), environment: .entries(environment(globals)))
    }
}

extension Store {
    /// Publishes the unions of some keys according to the settings.
    public func publishUnion(for keys: [Key], _ settings: Settings) {
        publishUnion(
            for: keys, UnionScope(settings), othersUpTo: settings.unionOthersAge,
            trusting: settings.readUsers(besides: user))
    }
}
