internal import DockerCommandLine
internal import Engine
internal import Formats
internal import Host
internal import Notes
internal import PathMap
internal import Planning

/// How this process sees paths: the table in force, and what a command's sources resolve to.
struct PathView {
    /// What the plan is based on.
    private(set) var facts = PathPolicy.Facts()
    private let settings: Settings
    private let purpose: Decision.Purpose

    init(_ settings: Settings, for purpose: Decision.Purpose) {
        self.settings = settings
        self.purpose = purpose
    }

    /// Looks up what a command's sources need; does nothing if there are none.
    mutating func look(for sources: [MountSource], at reached: inout ReachedEngine) {
        guard !sources.isEmpty else { return }
        do throws(EngineError) {
            facts.table = try PathView.table(settings, at: &reached, for: purpose)
        } catch {
            facts.notes.append(error.note)
        }
        guard facts.table != nil else { return }
        var base: ByteString?
        var known: KnownDirectory?
        for source in sources {
            let path: ByteString
            if source.path.hasPrefix("/") {
                path = source.path.cleanedPath
            } else {
                switch reached.program() {
                case .docker(let version):
                    // The engine rejects a relative path that docker does not make absolute.
                    guard PathPolicy.RelativeSources(version).takes(source.path) else { continue }
                case .podman, .unknown:
                    facts.notes.append(Note(.relativePathInDoubt, source.path))
                    continue
                }
                guard let directory = base ?? PathView.workingDirectory else {
                    facts.notes.append(Note(.relativePathInDoubt, source.path))
                    continue
                }
                base = directory
                path = directory.appending(path: source.path).cleanedPath
            }
            facts.sources.append(.init(source, path: path, resolved: PathView.resolved(path, &known)))
        }
    }

    /// The table that was given; otherwise the one found from this container's mounts, if the settings allow that.
    static func table(
        _ settings: Settings, at reached: inout ReachedEngine, for purpose: Decision.Purpose
    ) throws(EngineError) -> PathTable? {
        if let given = given(settings) { return given }
        guard settings.findsPaths, let text = try? Files.read("/proc/self/mountinfo", limit: 4 << 20) else {
            return nil
        }
        let memory = TableMemory(file: Locations.state?.appending(path: "paths"), isWriting: purpose == .acting)
        return try OwnMounts(MountInfo(text), memory: memory).table { () throws(EngineError) in try reached.engine() }
    }

    /// The table that the operator or the user gave.
    static func given(_ settings: Settings) -> PathTable? {
        let origin: PathTable.Origin = Kernel.variable("SLIPWAY_PATH_MAP")?.isEmpty == false ? .environment : .settings
        var table = PathTable.given(
            map: settings.pathMap, origin, workspace: settings.workspace,
            workspaceDirectory: Kernel.variable("WORKSPACE_DIR"))
        for index in (table?.rows ?? []).indices {
            guard let from = table?.rows[index].from, let real = resolved(from) else { continue }
            table?.rows[index].resolved = real
        }
        return table
    }

    /// The base of docker's relative paths: PWD, if it names the current directory, like Go's os.Getwd.
    static var workingDirectory: ByteString? {
        if let named = Kernel.variable("PWD"), named.hasPrefix("/"), let there = try? Files.status(named),
            let here = try? Files.status("."), there.isSameFile(as: here)
        {
            return named
        }
        return try? Kernel.workingDirectory()
    }

    private struct KnownDirectory {
        let path: ByteString
        let real: ByteString
    }

    /// The same for one of several paths, which are often in the same directory.
    private static func resolved(_ path: ByteString, _ known: inout KnownDirectory?) -> ByteString? {
        let parent = path.parentPath
        if known?.path != parent {
            known = (try? Files.realPath(parent)).map { KnownDirectory(path: parent, real: $0) }
        }
        guard let known else { return resolved(path) }
        let place = known.real.appending(path: path.lastPathComponent)
        // A file that exists and is not a link is directly in its resolved directory.
        guard let status = try? Files.status(place, followLinks: false), status.kind != .symbolicLink else {
            return resolved(path)
        }
        return place
    }

    private static let mostLinks = 40

    /// An absolute path with symbolic links resolved; components that do not exist yet are kept. nil if links form a
    /// loop, or if a directory cannot be searched.
    static func resolved(_ path: ByteString) -> ByteString? {
        var path = path
        var rest: [ByteString] = []
        var links = 0
        while true {
            do throws(Errno) {
                let real = try Files.realPath(path)
                return rest.reversed().reduce(real) { $0.appending(path: $1) }
            } catch .noSuchFile {
                if let target = try? Files.readLink(path) {
                    // The target of this link does not exist yet, so what ".." after a name means there would depend on
                    // further links.
                    links += 1
                    guard links <= mostLinks, let folder = try? Files.realPath(path.parentPath),
                        target.split("/").drop(while: { $0 == ".." || $0 == "." || $0.isEmpty }).allSatisfy({
                            $0 != ".."
                        })
                    else { return nil }
                    path = target.absolute(in: folder)
                } else {
                    guard path != "/" else { return nil }
                    rest.append(path.lastPathComponent)
                    path = path.parentPath
                }
            } catch {
                return nil
            }
        }
    }
}

extension PathPolicy.RelativeSources {
    /// From docker's version.
    fileprivate init(_ version: Version) {
        self = version < Version(23, 0) ? .none : version < Version(28, 2) ? .here : .all
    }
}
