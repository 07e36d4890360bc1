import Formats
import Host
import TestSupport
import Testing

@testable import BuildCache

@Suite("What an export has added to the store")
struct ArrivedExportTests {
    @Test("Manifest, config and layers, in both formats", arguments: ManifestFormat.allCases)
    func whole(_ format: ManifestFormat) throws {
        let fixture = try StoreFixture()
        let export = try fixture.export(for: fixture.build(), at: 1_800_000_000, "x", as: format)
        let arrived = try #require(ArrivedExport(at: export.path))
        #expect(Set(arrived.blobs) == Set([export.manifest, export.config].map(\.path) + export.layers.map(\.path)))
        #expect(arrived.blobs.count == 4)
    }

    @Test("Without an index, or with a torn one, there is no export")
    func unfinished() throws {
        let fixture = try StoreFixture()
        let path = try fixture.unfinished(for: fixture.build(), at: 1_800_000_000)
        #expect(ArrivedExport(at: path) == nil)
        for text in ["", "{", "{\"manifests\":[]}", "{\"manifests\":[{\"digest\":\"sha256:../../x\"}]}"] as [ByteString]
        {
            try Files.replace(path.appending(path: "index.json"), with: text, mode: 0o644)
            #expect(ArrivedExport(at: path) == nil)
        }
    }

    @Test("If the manifest is missing, nothing else is reached")
    func manifestGone() throws {
        let fixture = try StoreFixture()
        let export = try fixture.export(for: fixture.build(), at: 1_800_000_000, "x")
        try Files.remove(export.manifest.path)
        #expect(ArrivedExport(at: export.path)?.blobs == [export.manifest.path])
    }

    @Test("Only an export's directory is read", arguments: ["", "/", "/x", "/gen-000001/exports/k", "/g/exports/k/i"])
    func elsewhere(_ path: String) {
        #expect(ArrivedExport(at: ByteString(path)) == nil)
    }

    @Test("Steps that a build executed although its import has them")
    func remade() throws {
        let fixture = try StoreFixture()
        let build = try fixture.build()
        let began: Int64 = 1_795_867_200  // 2026-11-28T12:00:00Z
        let first = try fixture.export(for: build, at: began - 7_200, "app")
        try fixture.export(for: build, at: began - 7_200, "other")
        fixture.store.publishUnion(for: [build.key], .store, othersUpTo: .max)
        let generation = try fixture.generation()
        let union = try #require(UnionRecord.read(generation.unionPath(.store, build.key), in: generation))
        let again = try fixture.export(for: build, at: began, "app", made: "2026-11-28T12:00:01Z")
        let new = try fixture.export(for: build, at: began, "new", made: "2026-11-28T12:00:01Z")
        func remade(_ export: StoredExport, _ digest: ByteString? = nil, since time: Int64 = began) -> Int? {
            ArrivedExport.remade(by: export.path, importing: digest ?? union.manifest.digest.name, since: time)
        }
        #expect(remade(again) == 2)
        #expect(remade(again, since: began + 2) == 0, "made before the build")
        #expect(remade(first) == 0 && remade(new) == 0)
        // The import may also be a single export.
        #expect(remade(again, first.digest.name) == 2 && remade(again, new.digest.name) == 0)
        for unknown in ["sha256:" + ByteString("0").repeated(64), "sha256:../../x", ""] as [ByteString] {
            #expect(remade(again, unknown) == nil)
        }
        // A union of several users' exports is stored elsewhere.
        let links = generation.path.appending(path: Generation.linksPrefix + "0123456789abcdef")
        let pool = links.appending(path: Generation.pool)
        try Files.makeDirectories(pool, mode: 0o755)
        for digest in [union.manifest.digest, union.config.digest] {
            try Files.rename(
                generation.blobPath(digest), to: pool.appending(path: digest.hex))
        }
        #expect(remade(again) == 2)
        try Files.removeTree(links)
        #expect(remade(again) == nil)
        try Files.remove(again.index)
        #expect(remade(again, first.digest.name) == nil)
    }
}
