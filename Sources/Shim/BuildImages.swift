internal import BuildCache
internal import DockerfileLint
internal import Formats
internal import Host

extension NamedImages {
    private static let largest = 65_536

    /// Of a build with these named contexts ("name=place"): from its Dockerfile, if that is a file of its own that is read in time.
    init(of build: BuildDescription, contexts: [ByteString], until deadline: Deadline) throws(Unclear) {
        guard case .directory(let context) = build.context else {
            throw Unclear(text: "the context is not a directory")
        }
        guard build.dockerfile != "-", build.dockerfile?.range(of: "://") == nil else {
            throw Unclear(text: "the Dockerfile is not a file here")
        }
        let file = build.dockerfile ?? context.appending(path: "Dockerfile")
        guard let status = try? Files.status(file), status.kind == .regular, status.size <= Self.largest,
            let text = try? Files.read(file, within: file.parentPath, limit: Self.largest)
        else { throw Unclear(text: file) }
        var wasTimeUp = false
        let dockerfile = Dockerfile(text) {
            wasTimeUp = wasTimeUp || deadline.hasPassed
            return wasTimeUp
        }
        guard !wasTimeUp else { throw Unclear(text: "the time is up") }

        var names: [ByteString] = []
        var images: [ByteString] = []
        for entry in contexts {
            guard let (name, place) = entry.cut(at: "=") else { throw Unclear(text: entry) }
            names.append(name)
            // "name" stands for the image "name:latest", too.
            if let (bare, tag) = name.cutLast(at: ":"), tag == "latest" { names.append(bare) }
            if place.hasPrefix("docker-image://") { images.append(place.dropFirst(15)) }
        }
        var arguments: [ByteString: ByteString] = [:]
        for entry in build.arguments {
            if let (name, value) = entry.cut(at: "=") { arguments[name] = value }
        }
        try self.init(in: dockerfile, arguments: arguments, contexts: names)
        for image in images { try add(image) }
    }
}
