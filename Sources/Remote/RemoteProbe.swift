internal import BuildCache
public import Formats
internal import Host

/// Tests what a registry allows, and how fast it is, with a query, a push and a fetch. Only users run it,
/// deliberately.
public struct RemoteProbe: Sendable {
    /// One operation that was tried.
    public struct Step: Sendable {
        /// "ask", "push", "fetch" or "delete".
        public let name: ByteString
        /// How long it took, in nanoseconds.
        public let time: Int64
        /// Bytes transferred.
        public let bytes: Int
        /// Why it failed; nil if it did not.
        public let failure: RemoteFailure?
    }

    private let client: RemoteClient
    private let prefix: ByteString
    private let writer: ByteString
    private static let size = 8 << 20

    /// With a client, below a prefix.
    public init(_ client: RemoteClient, prefix: ByteString, writer: ByteString) {
        self.client = client
        self.prefix = prefix
        self.writer = writer
    }

    /// Sends a query; on request also pushes a few megabytes of random bytes, fetches them, compares them, and
    /// deletes them.
    public func run(writing: Bool) -> [Step] {
        let repository = prefix + "/slipway-probe"
        var steps = [step("ask", 0) { () throws(RemoteFailure) in _ = try client.tags(of: repository) }]
        guard writing, steps[0].failure == nil else { return steps }
        guard let folder = try? Files.makeTemporaryFolder(prefix: "slipway-probe-") else { return steps }
        defer { try? Files.removeTree(folder) }
        guard let digest = layout(in: folder.appending(path: "out")) else { return steps }
        let reference = repository + ":" + writer
        steps.append(
            step("push", Self.size) { () throws(RemoteFailure) in
                try client.push(
                    folder.appending(path: "out"), digest, to: reference, bytes: UInt64(Self.size))
            })
        guard steps[1].failure == nil else { return steps }
        let target = folder.appending(path: "in")
        steps.append(
            step("fetch", Self.size) { () throws(RemoteFailure) in
                try? Files.makeDirectories(target.appending(path: Generation.pool), mode: 0o700)
                try client.fetch(digest, of: repository, into: target, bytes: UInt64(Self.size)) {
                    FetchedExport.bytes(in: target)
                }
                let there = (try? Files.names(in: target.appending(path: Generation.pool), limit: 16)) ?? []
                for name in there {
                    let path = target.appending(path: Generation.pool).appending(path: name)
                    let text = (try? Files.read(path, limit: Self.size)) ?? ""
                    guard Digest(of: text).hex == name else { throw RemoteFailure(.damaged, name) }
                }
                guard there.count == 3 else { throw RemoteFailure(.damaged, repository) }
            })
        // Not every registry allows deletion.
        steps.append(
            step("delete", 0) { () throws(RemoteFailure) in try client.delete(repository + "@" + digest) })
        return steps
    }

    private func step(
        _ name: ByteString, _ bytes: Int, _ body: () throws(RemoteFailure) -> Void
    ) -> Step {
        let start = Clock.monotonic
        do throws(RemoteFailure) {
            try body()
            return Step(name: name, time: Clock.monotonic &- start, bytes: bytes, failure: nil)
        } catch {
            return Step(name: name, time: Clock.monotonic &- start, bytes: 0, failure: error)
        }
    }

    /// An OCI layout with one layer; returns its manifest's digest.
    private func layout(in folder: ByteString) -> ByteString? {
        let pool = folder.appending(path: Generation.pool)
        func put(_ text: ByteString, _ type: ByteString) -> JSON? {
            let digest = Digest(of: text)
            guard (try? Files.replace(pool.appending(path: digest.hex), with: text, mode: 0o600)) != nil else {
                return nil
            }
            return .object([
                "mediaType": .string(type), "digest": .string(digest.name), "size": .integer(text.count),
            ])
        }
        let manifestType: ByteString = "application/vnd.oci.image.manifest.v1+json"
        guard (try? Files.makeDirectories(pool, mode: 0o700)) != nil,
            let layer = put(ByteString(Kernel.randomBytes(Self.size)), "application/vnd.oci.image.layer.v1.tar"),
            let config = put("{}", "application/vnd.oci.image.config.v1+json"),
            let manifest = put(
                JSON.object([
                    "schemaVersion": .integer(2), "mediaType": .string(manifestType), "config": config,
                    "layers": .array([layer]),
                ]).text, manifestType)
        else { return nil }
        let index = JSON.object(["schemaVersion": .integer(2), "manifests": .array([manifest])]).text
        for (name, text) in [("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}"), ("index.json", index)]
            as [(ByteString, ByteString)]
        {
            guard (try? Files.replace(folder.appending(path: name), with: text, mode: 0o600)) != nil else { return nil }
        }
        return manifest[key: "digest"]?.string
    }
}

/// Where docker, and therefore a client, gets a registry's credentials from. None of them are read.
public enum RemoteCredentials {
    /// "credential helper NAME", "config.json" or "none", and the file that says so.
    public static func source(for prefix: ByteString) -> ByteString {
        let folder =
            Kernel.variable("DOCKER_CONFIG") ?? Kernel.variable("HOME")?.appending(path: ".docker") ?? "/nonexistent"
        let path = folder.appending(path: "config.json")
        let host = prefix.cut(at: "/")?.before ?? prefix
        guard let config = (try? Files.read(path, limit: 1 << 20)).flatMap({ JSON($0) }) else {
            return "none: no " + path
        }
        if let helper = config[key: "credHelpers"]?[key: host]?.string {
            return "credential helper " + helper + ", by " + path
        }
        if config[key: "auths"]?[key: host]?[key: "auth"]?.string?.isEmpty == false { return path }
        if let store = config[key: "credsStore"]?.string, !store.isEmpty {
            return "credential store " + store + ", by " + path
        }
        return "none in " + path
    }
}

extension Replication {
    /// One writer's manifest, and the age of its newest step.
    public struct Tag: Sendable {
        /// PREFIX/KEY:WRITER.
        public let reference: ByteString
        /// The manifest.
        public let digest: ByteString
        /// When its newest step was made, in seconds since 1970; nil if unknown.
        public let newest: Int?
        /// The bytes of everything that it names.
        public let bytes: UInt64
    }

    /// The manifests for a key, each with its age.
    public func tags(of key: ByteString) throws(RemoteFailure) -> [Tag] {
        let repository = prefix + "/" + Self.component(key)
        var tags: [Tag] = []
        for tag in try client.tags(of: repository).sorted() {
            let reference = repository + ":" + tag
            guard let text = try client.manifest(reference, most: FetchedManifest.largest),
                let manifest = FetchedManifest(text)
            else { continue }
            let config = try client.blob(repository + "@" + manifest.config, most: FetchedManifest.largest)
            tags.append(
                Tag(
                    reference: reference, digest: manifest.digest,
                    newest: manifest.newest(in: config), bytes: manifest.bytes))
        }
        return tags
    }

    /// Deletes a manifest.
    public func delete(_ tag: Tag) throws(RemoteFailure) {
        let repository = tag.reference.cutLast(at: ":")?.before ?? tag.reference
        try client.delete(repository + "@" + tag.digest)
    }
}
