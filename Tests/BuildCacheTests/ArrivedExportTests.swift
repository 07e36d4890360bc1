import Formats
import Host
import Testing

@testable import BuildCache

@Suite("What an export has left in the store")
struct ArrivedExportTests {
    @Test("Manifest, config and layers, in both formats", arguments: ManifestFormat.allCases)
    func whole(_ format: ManifestFormat) throws {
        let fixture = try StoreFixture()
        let export = try fixture.export(for: fixture.build(), at: 1_800_000_000, "x", as: format)
        let arrived = try #require(ArrivedExport(at: export.path))
        #expect(Set(arrived.blobs) == Set([export.manifest, export.config].map(\.path) + export.layers.map(\.path)))
        #expect(arrived.blobs.count == 4)
    }

    @Test("Before the index has come there is none, nor when it is torn")
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

    @Test("A manifest that is gone is all that is reached")
    func manifestGone() throws {
        let fixture = try StoreFixture()
        let export = try fixture.export(for: fixture.build(), at: 1_800_000_000, "x")
        try Files.remove(export.manifest.path)
        #expect(ArrivedExport(at: export.path)?.blobs == [export.manifest.path])
    }

    @Test("Only the place of an export is read", arguments: ["", "/", "/x", "/gen-000001/exports/k", "/g/exports/k/i"])
    func elsewhere(_ path: String) {
        #expect(ArrivedExport(at: ByteString(path)) == nil)
    }
}
