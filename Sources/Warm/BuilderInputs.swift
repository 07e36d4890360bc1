internal import Engine
internal import Formats
internal import Host
internal import Planning

/// The files for the builder container: lists of names, one per line, and copies of the user's files.
struct BuilderInputs {
    /// Where they are in the container.
    static let place: ByteString = "/slipway-warm"

    private(set) var archive = TarArchive()
    private let directory: ByteString
    private static let largest = 1 << 26

    /// Reads what a request names, relative to a directory.
    init(for request: WarmRequest, from directory: ByteString) throws(DockerClientError) {
        self.directory = directory
        for tool in request.tools {
            let values = request.values[tool] ?? []
            var names: [ByteString] = []
            var files = tool == .pip ? request.requirements : []
            for value in values {
                if WarmRequest.isFile(value, for: tool) {
                    files.append(value)
                } else {
                    names += try WarmRequest.names(in: value, of: tool)
                }
            }
            let folder = Self.place.dropFirst(1).appending(path: tool.rawValue)
            archive.add(file: folder.appending(path: "names"), Self.lines(names))
            archive.add(folder: folder.appending(path: "projects"))
            switch tool {
            case .pip, .uv: try add(requirements: files, to: folder)
            default:
                for (index, file) in files.enumerated() {
                    let project = folder.appending(path: "projects/" + ByteString(decimal: index + 1))
                    try add(project: file.absolute(in: directory), of: tool, to: project)
                }
            }
        }
    }

    private static func lines(_ lines: [ByteString]) -> ByteString {
        ByteString(lines.flatMap { $0.bytes + [0x0A] })
    }

    private func read(_ path: ByteString) throws(DockerClientError) -> ByteString {
        do throws(Errno) {
            return try Files.read(path, limit: Self.largest)
        } catch {
            throw DockerClientError(.badRequest, "cannot read " + path + ": " + ByteString(error.description))
        }
    }

    private func readIfThere(_ path: ByteString) throws(DockerClientError) -> ByteString? {
        Files.isMissing(path) ? nil : try read(path)
    }

    // MARK: - Requirements

    /// Copies the files and those that they include, with the same relative paths as here.
    private mutating func add(requirements: [ByteString], to folder: ByteString) throws(DockerClientError) {
        let tree = folder.appending(path: "tree")
        var waiting = requirements.map { $0.absolute(in: directory) }
        var seen: Set<ByteString> = []
        let list = waiting.map { ByteString("/") + tree + $0 }
        while let path = waiting.popLast() {
            guard seen.insert(path).inserted else { continue }
            guard seen.count <= 256, WarmRequest.isPlain(path) else {
                throw DockerClientError(
                    .badRequest, "too many requirement files, or one with an impossible name: " + path)
            }
            let text = try read(path)
            archive.add(file: tree + path, text)
            for included in Self.included(in: text) {
                guard !included.hasPrefix("/") else {
                    throw DockerClientError(
                        .badRequest,
                        path + " includes " + included + " by its full path, which the container does not have; "
                            + "make it relative or give it with a -r of its own")
                }
                waiting.append(path.parentPath.appending(path: included).cleanedPath)
            }
        }
        archive.add(file: folder.appending(path: "files"), Self.lines(list))
    }

    /// The files that a requirements file names with -r or -c, except for addresses.
    static func included(in text: ByteString) -> [ByteString] {
        var found: [ByteString] = []
        for line in text.split("\n") {
            let line = line.trimmed
            for option in ["-r", "-c", "--requirement", "--constraint"] as [ByteString] {
                guard line.hasPrefix(option) else { continue }
                var rest = line.dropFirst(option.count)
                if option.hasPrefix("--") {
                    guard rest.hasPrefix("=") || rest.hasPrefix(" ") else { continue }
                    rest = rest.dropFirst(1)
                }
                if let (before, _) = rest.cut(at: "#"), before.hasSuffix(" ") { rest = before }
                rest = rest.trimmed
                if !rest.isEmpty && rest.range(of: "://") == nil { found.append(rest) }
                break
            }
        }
        return found
    }

    // MARK: - Projects with lock files

    private mutating func add(project file: ByteString, of tool: PackageTool, to folder: ByteString)
        throws(DockerClientError)
    {
        let text = try read(file)
        let beside = file.parentPath
        switch tool {
        case .npm:
            let manifest = try readIfThere(beside.appending(path: "package.json"))
            archive.add(file: folder.appending(path: "package-lock.json"), text)
            for (path, content) in try NpmLock.manifests(of: text, at: file, beside: manifest) {
                archive.add(file: folder.appending(path: path), content)
            }
        case .yarn:
            guard let manifest = try readIfThere(beside.appending(path: "package.json")) else {
                throw DockerClientError(.badRequest, file + ": its package.json must lie beside it")
            }
            archive.add(file: folder.appending(path: "yarn.lock"), text)
            archive.add(file: folder.appending(path: "package.json"), manifest)
        case .go:
            archive.add(file: folder.appending(path: "go.mod"), text)
            if let sums = try readIfThere(beside.appending(path: "go.sum")) {
                archive.add(file: folder.appending(path: "go.sum"), sums)
            }
        case .pip, .uv: break
        }
    }
}

/// A package-lock.json and the files that `npm ci` needs beside it.
enum NpmLock {
    /// The package.json of the project and of each folder that it links to: for the project the user's own, if there is
    /// one, otherwise the content repeated in the lock file.
    static func manifests(
        of text: ByteString, at path: ByteString, beside manifest: ByteString?
    ) throws(DockerClientError) -> [(path: ByteString, content: ByteString)] {
        guard let lock = JSON(text), lock.members != nil else {
            throw DockerClientError(.badRequest, path + " is no JSON: give a package-lock.json, or names")
        }
        let packages = lock[key: "packages"]?.members ?? []
        var found: [(path: ByteString, content: ByteString)] = []
        if let manifest {
            found.append(("package.json", manifest))
        } else if let root = packages.first(where: { $0.name.isEmpty })?.value {
            found.append(("package.json", root.text))
        } else {
            throw DockerClientError(
                .badRequest, path + " does not repeat its package.json (lockfileVersion 1): put that beside it")
        }
        for package in packages where !package.name.isEmpty {
            let pieces = package.name.split("/")
            guard !pieces.contains("node_modules"), !pieces.contains(".."), !package.name.hasPrefix("/"),
                WarmRequest.isPlain(package.name)
            else { continue }
            found.append((package.name.appending(path: "package.json"), package.value.text))
        }
        return found
    }
}
