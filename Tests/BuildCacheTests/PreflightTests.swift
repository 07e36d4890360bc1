import Formats
import Glibc
import Host
import Notes
import TestSupport
import Testing

@testable import BuildCache

@Suite("Pre-flight: damaged exports are left out")
struct PreflightTests {
    private let fixture: StoreFixture

    init() throws { fixture = try StoreFixture() }

    /// A kind of damage to an export, and the reason given for leaving it out.
    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: Reason
        let make: @Sendable (StoredExport, StoreFixture) throws -> Void

        init(_ name: String, _ reason: Reason, _ make: @escaping @Sendable (StoredExport, StoreFixture) throws -> Void)
        {
            testDescription = name
            self.reason = reason
            self.make = make
        }

        /// Makes the export refer to another manifest, with the right digest.
        static func manifest(
            _ name: String, _ reason: Reason = .manifestRejected,
            _ text: @escaping @Sendable (StoredExport) -> ByteString
        ) -> Damage {
            Damage(name, reason) { export, fixture in
                let manifest = try fixture.put(text(export), in: export.generation)
                try Files.replace(export.index, with: manifest.index, mode: 0o644)
            }
        }

        /// Gives the export another index.
        static func index(
            _ name: String, _ reason: Reason = .exportIncomplete,
            _ text: @escaping @Sendable (StoredExport) -> ByteString
        ) -> Damage {
            Damage(name, reason) { export, _ in try Files.replace(export.index, with: text(export), mode: 0o644) }
        }

        /// Modifies a file of the pool.
        static func blob(
            _ name: String, _ reason: Reason, _ blob: @escaping @Sendable (StoredExport) -> StoredBlob,
            _ change: @escaping @Sendable (StoredBlob) throws -> Void
        ) -> Damage {
            Damage(name, reason) { export, _ in try change(blob(export)) }
        }
    }

    private static func described(_ blob: StoredBlob, digest: ByteString? = nil, size: JSON? = nil) -> JSON {
        .object(["digest": .string(digest ?? blob.digest.name), "size": size ?? .integer(blob.size)])
    }

    private static func index(of entry: JSON) -> ByteString { JSON.object(["manifests": .array([entry])]).text }

    private static func manifest(config: JSON?, layers: JSON) -> ByteString {
        let config = config.map { [JSON.Member(name: "config", value: $0)] } ?? []
        return JSON.object(config + [JSON.Member(name: "layers", value: layers)]).text
    }

    private static let indexes: [Damage] = [
        .index("index torn") { $0.manifest.index.dropLast(1) },
        .index("index with something behind it") { $0.manifest.index + "x" },
        .index("index without manifests") { _ in "{}" },
        .index("index with no manifest") { _ in "{\"manifests\":[]}" },
        .index("index with null for manifests") { _ in "{\"manifests\":null}" },
        .index("index that is no object") { _ in "[]" },
        .index("index with a manifest without a digest") { _ in "{\"manifests\":[{\"size\":1}]}" },
        .index("index with a manifest without a size") { index(of: .object(["digest": .string($0.digest.name)])) },
        .index("index with a negative size") { index(of: described($0.manifest, size: .integer(-1))) },
        .index("index with a size that does not fit") {
            index(of: described($0.manifest, size: .number("99999999999999999999")))
        },
        .index("index over 64 KiB") { $0.manifest.index + ByteString(" ").repeated(65_536) },
        Damage("index writable by others", .exportIncomplete) { export, _ in
            try Descriptor.open(export.index).setMode(0o666)
        },
        .index("digest that leads elsewhere", .manifestRejected) {
            index(of: described($0.manifest, digest: "sha256:" + ByteString("../").repeated(21) + "x"))
        },
        .index("digest in capitals", .manifestRejected) {
            let digits = ByteString($0.digest.hex.lossy.uppercased())
            return index(of: described($0.manifest, digest: "sha256:" + digits))
        },
        .index("digest of another kind", .manifestRejected) { index(of: described($0.manifest, digest: "sha512:0")) },
        .index("size other than the manifest's", .manifestRejected) {
            index(of: described($0.manifest, size: .integer($0.manifest.size - 1)))
        },
        .index("size of a whole disk", .manifestRejected) {
            index(of: described($0.manifest, size: .integer(Int.max)))
        },
    ]

    private static let manifests: [Damage] = [
        .manifest("manifest that is no JSON") { _ in "nothing" },
        .manifest("manifest that is truncated, its digest right") { _ in "{\"layers\":[" },
        .manifest("manifest without layers") { "{\"config\":" + described($0.config).text + "}" },
        .manifest("manifest with null for layers") { manifest(config: described($0.config), layers: .null) },
        .manifest("manifest without config") { manifest(config: nil, layers: .array($0.layers.map { described($0) })) },
        .manifest("manifest with a layer that is none") {
            manifest(config: described($0.config), layers: .array([.string("x")]))
        },
        .manifest("manifest with a layer without size") {
            manifest(
                config: described($0.config), layers: .array([.object(["digest": .string($0.layers[0].digest.name)])]))
        },
        .manifest("manifest with a layer whose digest leads elsewhere") {
            manifest(
                config: described($0.config), layers: .array([described($0.layers[0], digest: "sha256:/etc/passwd")]))
        },
        .manifest("manifest with a layer of another size", .layerRejected) {
            manifest(config: described($0.config), layers: .array([described($0.layers[0], size: .integer(1))]))
        },
        .manifest("manifest over 1 MiB") {
            manifest(config: described($0.config), layers: .array([])) + ByteString(" ").repeated(1 << 20)
        },
        .manifest("config of another size") {
            manifest(config: described($0.config, size: .integer($0.config.size + 1)), layers: .array([]))
        },
        .manifest("nested too deep") { _ in ByteString("[").repeated(1000) },
    ]

    private static func blobs(
        _ name: String, _ reason: Reason, _ pick: @escaping @Sendable (StoredExport) -> StoredBlob
    ) -> [Damage] {
        [
            .blob("\(name) missing", reason, pick) { try Files.remove($0.path) },
            .blob("\(name) truncated", reason, pick) { blob in
                let text = try Files.read(blob.path, limit: 1 << 20)
                try Files.replace(blob.path, with: text.dropLast(1), mode: 0o444)
            },
            .blob("\(name) too long", reason, pick) { blob in
                let text = try Files.read(blob.path, limit: 1 << 20)
                try Files.replace(blob.path, with: text + "x", mode: 0o444)
            },
            .blob("\(name) empty", reason, pick) { try Files.replace($0.path, with: "", mode: 0o444) },
            .blob("\(name) a directory", reason, pick) {
                try Files.remove($0.path)
                try Files.makeDirectory($0.path, mode: 0o755)
            },
            .blob("\(name) a link to itself elsewhere", reason, pick) {
                try Files.rename($0.path, to: $0.path + ".moved")
                try Files.makeLink($0.path, to: $0.path + ".moved")
            },
            .blob("\(name) a FIFO", reason, pick) {
                try Files.remove($0.path)
                try #require(mkfifo($0.path.lossy, 0o644) == 0)
            },
            .blob("\(name) writable by others", reason, pick) { try Descriptor.open($0.path).setMode(0o666) },
        ]
    }

    /// Different content of the same size.
    private static func blank(_ blob: StoredBlob) throws {
        try Files.replace(blob.path, with: ByteString(" ").repeated(blob.size), mode: 0o444)
    }

    private static let blobs: [Damage] =
        blobs("manifest", .manifestRejected) { $0.manifest } + blobs("config", .manifestRejected) { $0.config }
        + blobs("first layer", .layerRejected) { $0.layers[0] } + blobs("last layer", .layerRejected) { $0.layers[1] }
        + [
            Damage("manifest with other content of its size", .manifestRejected) { export, _ in
                try blank(export.manifest)
            },
            Damage("config with other content of its size", .manifestRejected) { export, _ in try blank(export.config)
            },
        ]

    @Test("Left out, with the reason, while the others are imported", arguments: indexes + manifests + blobs)
    func damage(_ damage: Damage) throws {
        let build = try fixture.build()
        let damaged = try fixture.export(for: build, at: 200, "damaged")
        try damage.make(damaged, fixture)
        try fixture.setTime(of: damaged.index, seconds: 200)
        let lookup = fixture.lookup(for: build)
        #expect(lookup.digest == nil)
        #expect(lookup.notes.map(\.reason) == [damage.reason])
        let good = try fixture.export(for: fixture.build("other"), at: 100, "good")
        #expect(try fixture.finds(good, for: build))
    }

    @Test("Layers' contents are BuildKit's to check")
    func layerContent() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        try Self.blank(export.layers[1])
        #expect(try fixture.finds(export, for: build))
    }

    @Test("The last of several manifests in an index counts")
    func lastManifest() throws {
        let build = try fixture.build()
        let first = try fixture.export(for: build, at: 100, "first")
        let last = try fixture.export(for: build, at: 50, "last")
        let both = JSON.object(["manifests": .array([Self.described(first.manifest), Self.described(last.manifest)])])
        try Files.replace(first.index, with: both.text, mode: 0o644)
        try Files.removeTree(last.path)
        #expect(try fixture.finds(last, for: build))
        #expect(try !fixture.finds(first, for: build))
    }

    // Root can change the owner; for any other user, the expected owner is changed instead.
    @Test("Another user's files are left out", arguments: ["manifest", "config", "layer"])
    func foreign(_ part: String) throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        guard geteuid() == 0 else {
            let other = Generation(path: export.generation.path, owner: export.generation.owner + 1)
            let entry = Preflight.Blob(digest: export.manifest.digest, size: export.manifest.size)
            var preflight = Preflight()
            #expect(rejection { try preflight.check(entry, in: other) } == .manifestRejected)
            return
        }
        let blob = part == "manifest" ? export.manifest : part == "config" ? export.config : export.layers[1]
        #expect(chown(blob.path.lossy, 54_321, 54_321) == 0)
        let lookup = fixture.lookup(for: build)
        #expect(lookup.digest == nil)
        #expect(lookup.notes.map(\.reason) == [part == "layer" ? .layerRejected : .manifestRejected])
    }

    // Root may read everything, so the test changes to another user first.
    @Test(
        "Unreadable files are left out",
        arguments: [
            ("index", Reason.exportIncomplete.rawValue), ("config", Reason.manifestRejected.rawValue),
            ("layer", Reason.layerRejected.rawValue),
        ])
    func unreadable(_ part: String, _ reason: UInt16) async {
        await #expect(processExitsWith: .success) { [part, reason] in
            if geteuid() == 0 { #expect(seteuid(54_321) == 0) }
            let fixture = try StoreFixture()
            let build = try fixture.build()
            let export = try fixture.export(for: build, at: 100, "a")
            #expect(try fixture.finds(export, for: build))
            let file = part == "index" ? export.index : part == "config" ? export.config.path : export.layers[0].path
            try Descriptor.open(file).setMode(0)
            let lookup = fixture.lookup(for: build)
            #expect(lookup.digest == nil)
            #expect(lookup.notes.map(\.reason.rawValue) == [reason])
        }
    }

    @Test("Random bytes in an index or manifest never trap")
    func random() throws {
        let build = try fixture.build()
        let export = try fixture.export(for: build, at: 100, "a")
        var generator = Repeatable(seed: 1)
        for _ in 0..<200 {
            var text = export.manifest.index.bytes
            text[Int.random(in: text.indices, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
            try Files.replace(export.index, with: ByteString(text), mode: 0o644)
            let lookup = fixture.lookup(for: build)
            #expect(lookup.digest == nil || lookup.digest == export.digest)
        }
    }

    @Test("A manifest may have just 1 MiB, as BuildKit allows", arguments: [0, 1])
    func greatestManifest(extra: Int) throws {
        let build = try fixture.build()
        let size = try fixture.export(for: build, at: 100, "a").manifest.size
        let export = try fixture.export(for: build, at: 200, "b", padding: (1 << 20) - size + extra)
        var preflight = Preflight()
        let manifest = try preflight.manifest(ofExport: export.path, in: export.generation)
        #expect(manifest.size == (1 << 20) + extra)
        #expect(
            rejection { try preflight.check(manifest, in: export.generation) } == (extra == 0 ? nil : .manifestRejected)
        )
    }
}
