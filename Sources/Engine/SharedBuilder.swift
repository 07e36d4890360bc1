public import Formats
internal import Host
internal import Notes

/// A builder that several engines share, as buildx's files describe it.
public struct SharedBuilder: Equatable, Sendable {
    /// Its name.
    public let name: ByteString
    /// The architecture that it builds for by itself, as it was seen to answer.
    public let architecture: ByteString
    let instance: BuilderInstance
    let nodes: [BuilderInstance.Node]

    /// By what it is told from others on every machine: its addresses; its name where buildx finds the address.
    public var address: ByteString { Self.address(instance, nodes) }

    private static func address(_ instance: BuilderInstance, _ nodes: [BuilderInstance.Node]) -> ByteString {
        guard instance.driver == "remote" else { return instance.name.lowercasedASCII }
        return nodes.map(\.endpoint).joined(separator: ",")
    }

    /// Under what it is remembered: a builder that somebody has changed is another one.
    static func key(_ instance: BuilderInstance, _ nodes: [BuilderInstance.Node]) -> ByteString {
        let parts = nodes.flatMap { node in
            [node.name, node.endpoint] + node.options.sorted { $0.key < $1.key }.map { $0.key + "=" + $0.value }
        }
        return SHA256.hexDigest(of: ([instance.driver] + parts).joined(separator: "\0")).prefix(16)
    }

    var key: ByteString { Self.key(instance, nodes) }

    /// Throws what keeps a builder from taking builds.
    init(_ instance: BuilderInstance, memory: SharedBuilderMemory) throws(EngineError) {
        try Self.check(instance)
        let nodes = instance.nodes ?? []
        guard let known = memory.recall(Self.key(instance, nodes)) else {
            throw EngineError(.sharedBuilderNotReady, instance.name + " has never been seen to answer")
        }
        name = instance.name
        architecture = known.architecture
        self.instance = instance
        self.nodes = nodes
    }

    /// Throws what in buildx's files keeps a builder from taking builds.
    static func check(_ instance: BuilderInstance) throws(EngineError) {
        func refusal(_ text: ByteString) -> EngineError {
            EngineError(.sharedBuilderNotReady, instance.name + " " + text)
        }
        // Whether a kubernetes builder answers takes longer to find out than a build may wait.
        guard instance.driver == "remote" || instance.driver == "docker-container" else {
            throw refusal("has the driver " + instance.driver)
        }
        guard let nodes = instance.nodes, !nodes.isEmpty else { throw refusal("has no nodes") }
        for node in nodes {
            guard node.loads else { throw refusal("was made without default-load=true") }
            if instance.driver == "remote", let (scheme, path) = node.endpoint.cutScheme, scheme == "unix",
                !PrivateFile.isHeld(path)
            {
                throw refusal("has its socket in a folder where others may put another")
            }
            if let file = node.openTLSFile {
                throw refusal("has a TLS file that is a link, or that others can get at: " + file)
            }
        }
    }
}

extension BuilderInstance.Node {
    /// Whether images come back to the engine without being asked for.
    var loads: Bool { options["default-load"].flatMap { Bool(goText: $0) } == true }

    /// Whether the connection is encrypted: docker/buildx driver/remote/factory.go, New.
    var usesTLS: Bool { ["cacert", "cert", "key", "servername"].contains { options[$0] != nil } }

    /// A file of its TLS options that somebody else can replace, or a key that somebody else can read.
    var openTLSFile: ByteString? {
        for option in ["cacert", "cert", "key"] as [ByteString] {
            if let file = options[option], !PrivateFile.isKept(file, isSecret: option == "key") { return file }
        }
        return nil
    }
}

/// Files by which a builder is trusted, and trusts.
public enum PrivateFile {
    /// Whether nobody but its owner, who is this user or root, can replace a file, and, of a secret one, read it.
    public static func isKept(_ path: ByteString, isSecret: Bool) -> Bool {
        guard path.hasPrefix("/"), let status = try? Files.status(path), status.kind == .regular,
            isOwner(status.owner), !status.isWritableByOthers, !isSecret || status.mode & 0o077 == 0
        else { return false }
        // Who can rename in a folder on the way can put another file there; a link leads through other folders.
        guard let real = try? Files.realPath(path), real == path.cleanedPath else { return false }
        var folder = real.parentPath
        while true {
            guard let status = try? Files.status(folder), isOwner(status.owner) else { return false }
            let isSticky = status.mode & 0o1000 != 0
            guard !status.isWritableByOthers || isSticky else { return false }
            guard folder != "/", folder.parentPath != folder else { return true }
            folder = folder.parentPath
        }
    }

    /// Whether nobody can put a socket of their own at a path, besides this user, root and the one whose folder it is in.
    static func isHeld(_ path: ByteString) -> Bool {
        guard path.hasPrefix("/"), var folder = try? Files.realPath(path.parentPath),
            let first = try? Files.status(folder), !first.isWritableByOthers
        else { return false }
        while folder != "/", folder.parentPath != folder {
            folder = folder.parentPath
            guard let status = try? Files.status(folder), isOwner(status.owner) || status.owner == first.owner,
                !status.isWritableByOthers || status.mode & 0o1000 != 0
            else { return false }
        }
        return true
    }

    private static func isOwner(_ user: UInt32) -> Bool { user == Kernel.userID || user == 0 }
}
