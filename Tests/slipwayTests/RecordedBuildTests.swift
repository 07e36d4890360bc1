import Formats
import History
import Host
import TestSupport
import Testing
import WorkingTree

@testable import slipway

@Suite("Facts about a recorded build")
struct RecordedBuildTests {
    private let folder: TemporaryFolder
    private let generation: ByteString = "store/v1/u0/gen-000001"

    init() throws { folder = try TemporaryFolder() }

    private func put(_ content: ByteString, _ type: ByteString) throws -> JSON {
        let digits = SHA256.hexDigest(of: content)
        try folder.write(generation + "/blobs/sha256/" + digits, content)
        return .object([
            "mediaType": .string(type), "digest": .string("sha256:" + digits), "size": .integer(content.count),
        ])
    }

    /// An export of one step on a base; returns its path and its manifest's digest.
    private func export(_ name: ByteString, made: ByteString) throws -> (place: ByteString, manifest: ByteString) {
        func digest(_ text: ByteString) -> ByteString { "sha256:" + SHA256.hexDigest(of: text) }
        let type: ByteString = "application/vnd.oci.image.manifest.v1+json"
        let layer = try put("made " + made, "application/vnd.oci.image.layer.v1.tar+gzip")
        let config = try put(
            #"{"layers":[{"blob":""# + (layer[key: "digest"]?.string ?? "")
                + #"","parent":-1}],"records":[{"digest":""# + digest("base") + #""},{"digest":""# + digest("step")
                + #"","inputs":[[{"link":0}]],"layers":[{"layer":0,"createdAt":""# + made + #""}]}]}"#,
            "application/vnd.buildkit.cacheconfig.v0")
        let text = JSON.object([
            "schemaVersion": .integer(2), "mediaType": .string(type), "config": config, "layers": .array([layer]),
        ]).text
        let manifest = try put(text, type)
        let place = generation + "/exports/key/" + name
        try folder.write(place + "/index.json", JSON.object(["manifests": .array([manifest])]).text)
        return (folder[place], manifest[key: "digest"]?.string ?? "")
    }

    @Test("An executed step that had been imported is overlooked, unless it had to be executed")
    func overlooked() throws {
        let began: Int64 = 1_795_867_200_500_000_000  // 2026-11-28T12:00:00.5Z
        var record = BuildRecord(began: began, process: 1, context: PublicAddress("/app"))
        let former = try export("former", made: "2026-11-28T10:00:00Z")
        let again = try export("again", made: "2026-11-28T12:00:02Z")
        func overlooked(_ export: (place: ByteString, manifest: ByteString), _ imports: [ByteString]) -> Int {
            Evidence.overlooked(by: record, exporting: export.place, importing: imports)
        }
        #expect(overlooked(again, [former.manifest]) == 1)
        #expect(overlooked(former, [former.manifest]) == 0, "cached")
        #expect(overlooked(again, []) == 0 && overlooked(again, [former.manifest, again.manifest]) == 0)
        // Another build's, made in the second in which this build started.
        #expect(try overlooked(export("before", made: "2026-11-28T12:00:00Z"), [former.manifest]) == 0)
        for hasNoCacheFilter in [true, nil] {
            record.hasNoCacheFilter = hasNoCacheFilter
            #expect(overlooked(again, [former.manifest]) == 0)
        }
    }
    @Test(
        "A build is compared with the one with the most similar files, then with the same arguments, then the newest"
    )
    func former() throws {
        let outline = DockerfileOutline("FROM base\nARG FLAVOR\nARG SIZE\nRUN make $FLAVOR $SIZE\n")
        func record(_ began: Int64, _ arguments: [ByteString]) -> BuildRecord {
            BuildRecord(
                began: began, process: 1, context: PublicAddress("/app"), outline: outline,
                arguments: arguments.map { BuildRecord.Argument($0) })
        }
        func put(_ name: ByteString, _ record: BuildRecord, files: [UInt64]) throws {
            let context = ContextRecord(
                entries: files.enumerated().map { place, digest in
                    .init(path: "file" + ByteString(decimal: place), kind: .file, mode: 0o644, size: 1, digest: digest)
                })
            try folder.write("key/" + name + "/index.json", "{}")
            try folder.write("key/" + name + "/build", record.json.text)
            try folder.write("key/" + name + "/context", context.bytes)
        }
        func former(_ arguments: [ByteString], files: [UInt64]) throws -> Int64? {
            let own = record(9, arguments)
            try put("own", own, files: files)
            return Evidence.former(of: own, at: folder["key/own"], in: folder["key"])?.record.began
        }
        try put("a", record(1, ["FLAVOR=sweet", "SIZE=1"]), files: [1, 2])
        try put("b", record(2, ["FLAVOR=sour", "SIZE=1"]), files: [1, 2])
        try put("c", record(3, ["FLAVOR=sour"]), files: [1, 2])
        try put("d", record(4, ["FLAVOR=salt", "SIZE=1"]), files: [1, 3])
        #expect(try former(["FLAVOR=sweet", "SIZE=1"], files: [1, 2]) == 1)
        #expect(try former(["FLAVOR=sour", "SIZE=1"], files: [1, 2]) == 2)
        #expect(try former(["FLAVOR=sour", "SIZE=2"], files: [1, 2]) == 3, "of equally near ones the newest")
        #expect(try former(["FLAVOR=sweet", "SIZE=1"], files: [1, 3]) == 4, "files count before arguments")
        // A name that is not in the Dockerfile makes no difference.
        #expect(try former(["FLAVOR=sweet", "SIZE=1", "OTHER=1"], files: [1, 2]) == 1)
    }
}
