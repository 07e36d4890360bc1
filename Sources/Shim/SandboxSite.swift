internal import BuildCache
internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Git
internal import Host
internal import Notes
internal import PathMap
internal import Planning

/// What the profile `sandbox` needs to know about the engine and this machine.
enum SandboxSite {
    /// Everything for one command.
    static func facts(
        for container: ContainerInvocation, _ settings: SandboxSettings, at reached: inout ReachedEngine,
        until deadline: Deadline
    ) -> SandboxPolicy.Facts {
        var facts = SandboxPolicy.Facts(workspace: settings.workspace ?? repository, origin: origin)
        facts.fileLabels = PackageViews.names(inFiles: container.labelFiles, until: deadline)
        look(at: &reached, &facts)
        return facts
    }

    /// Asks the engine. If it does not answer, limits that do not depend on it are still added: a user who wants a
    /// sandbox is better off with some limits than with none.
    static func look(at reached: inout ReachedEngine, _ facts: inout SandboxPolicy.Facts) {
        do throws(EngineError) {
            facts.engine = SandboxEngine(try reached.engine().limits())
        } catch {
            switch error.note.reason {
            case .dockerIsPodman, .engineNotLinux: facts.obstacle = error.note
            default: facts.notes.append(error.note)
            }
        }
    }

    /// The top of the repository around the working directory; nil outside a repository, or if the path cannot be a
    /// label.
    private static var repository: ByteString? {
        guard let directory = try? Kernel.workingDirectory(),
            let top = GitRepository.containing(directory)?.top, top.isLabelText
        else { return nil }
        return top
    }

    /// A digest of this machine or container and this user: paths and settings mean the same only here.
    static var origin: ByteString? {
        guard let mounts = try? Files.read("/proc/self/mountinfo", limit: 4 << 20) else { return nil }
        let place: ByteString
        switch MountInfo(mounts).container {
        case .id(let id): place = "container " + id
        case .unclear: return nil
        case .none:
            guard let id = try? Files.read("/etc/machine-id", limit: 64).trimmed, !id.isEmpty else { return nil }
            place = "machine " + id
        }
        return SHA256.hexDigest(of: place + " user " + ByteString(decimal: Kernel.userID)).prefix(12)
    }
}

extension SandboxEngine {
    /// The limits that an engine supports, for the policy.
    init(_ limits: EngineLimits) {
        self.init(
            processors: limits.processors, limitsMemory: limits.memory, limitsSwap: limits.swap,
            limitsPids: limits.pids, limitsProcessors: limits.quota)
    }
}
