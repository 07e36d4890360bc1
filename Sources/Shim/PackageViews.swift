internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import Planning

/// The package views that an engine offers to one container, and their removal afterwards.
struct PackageViews {
    /// What the plan is based on.
    private(set) var facts: PackageCachePolicy.Facts
    private var engine: ContainerEngine?

    private static let api = Version(PackageView.leastAPI.major, PackageView.leastAPI.minor)
    private static let longestRun: Int64 = 3_600_000_000_000

    init() {
        facts = PackageCachePolicy.Facts(
            view: PackageView(random: Hex.digits(of: Kernel.randomBytes(8))), now: Int(Clock.now / 1_000_000))
    }

    /// The names that a command's files of variables, or of labels, set; nil if a file was not read: a pipe would be
    /// empty when docker reads it, and a large file may take longer than the deadline permits.
    static func names(inFiles files: [ByteString], until deadline: Deadline) -> [ByteString]? {
        var names: [ByteString] = []
        for path in files {
            guard let status = try? Files.status(path), status.kind == .regular,
                let text = try? Files.read(path, limit: 1 << 20)
            else { return nil }
            guard let more = EnvironmentFile.names(in: text, until: deadline) else { return nil }
            names += more
        }
        return names
    }

    /// Asks the engine for Slipway's volumes.
    mutating func look(at reached: inout ReachedEngine, _ mode: Settings.PackageCache) {
        do throws(EngineError) {
            let engine = try reached.engine()
            let answer = try engine.volumes(labelled: [PackageLabels.mark])
            if mode == .view, answer.apiVersion.map({ $0 < Self.api }) ?? true {
                throw EngineError(.engineTooOldForViews, answer.apiVersion?.text ?? "")
            }
            guard let volumes = PackageVolume.list(in: answer.json) else { throw EngineError(.engineAnswerUnreadable) }
            facts.volumes = volumes
            self.engine = engine
        } catch {
            facts.notes.append(error.note)
        }
    }

    /// Removes unused views after docker has ended, in the background, so that docker does not wait. The engine refuses
    /// to remove a view that is in use. Views of a longer run are removed after a later one.
    func scheduleMaintenance() {
        guard let engine else { return }
        Detached.run { docker in
            docker.waitForEnd(within: Self.longestRun)
            return Self.clean(engine) ? 0 : 1
        }
    }

    private static func clean(_ engine: ContainerEngine) -> Bool {
        guard
            let answer = try? engine.volumes(
                labelled: [PackageLabels.mark, VolumeKind.view.label], isDangling: true),
            let volumes = PackageVolume.list(in: answer.json)
        else { return false }
        for volume in volumes where volume.kind == .view && volume.name.hasPrefix(PackageView.prefix) {
            _ = try? engine.removeVolume(volume.name)
        }
        return true
    }
}
