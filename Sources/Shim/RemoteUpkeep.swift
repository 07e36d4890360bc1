public import BuildCache
internal import DockerCommandLine
internal import Formats
internal import Host
internal import Notes
public import Planning

/// Has `slipway remote sync` look at the registry once a build has ended: in the child behind it, which becomes that program. The shim
/// itself knows nothing of registries.
enum RemoteUpkeep {
    /// A command has more keys only where it bakes many targets; the next one looks at the others.
    private static let mostKeys = 32
    /// Words that are longer start no program.
    private static let mostBytes = 65_536

    /// Waits until what others have pushed of a build is here, where the settings say so: for their limit at most. Returns what came of
    /// it; nil where nobody waited.
    static func wait(for build: BuildIdentity, _ settings: Settings, _ globals: GlobalOptions) -> Note? {
        guard settings.remote.prefix != nil, let limit = settings.remote.wait, let slipway = program() else {
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
                        "Ctrl-C stops, SLIPWAY_REMOTE_WAIT=1s hardly waits")
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

    /// What an engine waits for no longer: a registry that is silent to it would stop all of its builds.
    private static let probe: Int64 = 2_000_000_000

    /// The manifest in the registry that has most of a build, if the registry tells within two seconds.
    static func resolve(
        _ build: BuildIdentity, _ settings: Settings, _ globals: GlobalOptions
    ) -> Result<ByteString, Refusal> {
        func refused(_ why: ByteString) -> Result<ByteString, Refusal> {
            .failure(Refusal(note: Note(.remoteNotImported, why)))
        }
        guard let prefix = settings.remote.prefix, let slipway = program() else {
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
            return refused(answer.exitCode == 0 ? "nothing was pushed of it" : answer.error.trimmed.prefix(200))
        } catch {
            return refused(error == .timedOut ? "no answer in 2 s" : ByteString(error.description))
        }
    }

    /// docker's own configuration is the client's.
    private static func environment(_ globals: GlobalOptions) -> [ByteString] {
        let change = globals.configDirectory.map { [EnvironmentChange(name: "DOCKER_CONFIG", value: $0)] } ?? []
        return EnvironmentChange.apply(change, to: Kernel.environment)
    }

    /// Returns only where nothing is to be done, or cannot be.
    static func begin(for builds: [BuildIdentity], _ settings: Settings, _ globals: GlobalOptions) {
        guard settings.remote.prefix != nil, settings.remote.mode == .replicate, !builds.isEmpty,
            let slipway = program()
        else { return }
        let isDefault = builds.allSatisfy { $0.defaultBranches.contains($0.variant.branch) }
        let keys = builds.map(\.key).withoutRepeats.map(\.json.text).prefix(mostKeys)
        guard keys.reduce(0, { $0 + $1.count }) < mostBytes else { return }
        let words: [ByteString] =
            ["slipway", "remote", "sync"] + (isDefault ? ["--default-branch"] : []) + ["--"] + keys
        _ = Execution.become(slipway, arguments: .words(words), environment: .entries(environment(globals)))
    }

    /// The admin program beside this one, where nobody else could have put it who could not replace the shim, too.
    private static func program() -> ByteString? {
        guard let own = try? Files.realPath("/proc/self/exe"), let shim = try? Files.status(own) else { return nil }
        let path = own.parentPath.appending(path: "slipway")
        guard let status = try? Files.status(path), status.kind == .regular, !status.isWritableByOthers,
            [0, Kernel.userID, shim.owner].contains(status.owner), Files.allows(.execute, path)
        else { return nil }
        return path
    }
}

extension Store {
    /// Publishes the unions of some keys as the settings say.
    public func publishUnion(for keys: [Key], _ settings: Settings) {
        publishUnion(
            for: keys, UnionScope(settings), othersUpTo: settings.unionOthersAge,
            trusting: settings.readUsers(besides: user))
    }
}
