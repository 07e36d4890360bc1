import Formats
import TestSupport
import Testing

@testable import CacheUnion

@Suite("Manifests and configs as exporters write them")
struct ReadingTests {
    private static let base = digest("base")
    private static let step = digest("step")
    private static let blob = digest("blob")

    private func read(_ config: String, blobs: [String] = [blob]) -> CacheGraph? {
        let config = ByteString(config)
        return CacheManifest(imageManifest(config, blobs)).flatMap { CacheGraph(manifest: $0, config: config) }
    }

    private static let layer = "{\"blob\":\"\(blob)\",\"parent\":-1}"
    private static let source = "{\"digest\":\"\(base)\"}"

    @Test("An index of the layers and the config is the same as an image manifest")
    func index() throws {
        let config = ByteString("{\"layers\":[\(Self.layer)],\"records\":[\(Self.source)]}")
        let text = ByteString(
            """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
            {"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"\(Self.blob)","size":7,
            "annotations":{"b":"2","a":"1"}},
            {"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"\(digest(config.lossy))",
            "size":\(config.count)}]}
            """)
        let manifest = try #require(CacheManifest(text))
        #expect(manifest.config.digest == Digest(of: config))
        #expect(manifest.layers.map(\.digest.name) == [ByteString(Self.blob)])
        #expect(CacheGraph(manifest: manifest, config: config)?.recordCount == 1)
        let written = manifest.text
        #expect(written.range(of: "application/vnd.oci.image.manifest.v1+json") != nil)
        #expect(written.range(of: "\"annotations\":{\"a\":\"1\",\"b\":\"2\"}") != nil)
        #expect(CacheManifest(written) == manifest)
    }

    @Test(
        "Anything but a cache manifest with known members is refused",
        arguments: [
            "", "{}", "[]", "{\"schemaVersion\":2}", "null",
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"layers\":[]}",
        ])
    func noManifest(text: String) {
        #expect(CacheManifest(ByteString(text)) == nil)
    }

    @Test(
        "With one thing that is wrong or unknown in its manifest no union can hold a cache",
        arguments: [
            ("\"size\":7", "\"size\":-7"), ("\"size\":7", "\"size\":7.5"), ("\"size\":7", "\"size\":7,\"size\":7"),
            ("\"size\":7", "\"size\":7,\"urls\":[\"https://example.invalid\"]"),
            ("\"schemaVersion\":2", "\"schemaVersion\":3"),
            ("cacheconfig.v0", "cacheconfig.v1"), ("\"digest\":\"sha256:", "\"digest\":\"sha512:"),
            ("\"digest\":\"sha256:", "\"digest\":\"../../"), ("image.manifest.v1", "image.manifest.v2"),
            ("{\"buildkit/createdat\":\"x\"}", "{\"buildkit/createdat\":1}"),
            ("{\"buildkit/createdat\":\"x\"}", "{\"a\":\"x\",\"a\":\"y\"}"),
            ("\"schemaVersion\":2,", "\"schemaVersion\":2,\"subject\":{},"),
            ("\"layers\":[", "\"layers\":[],\"layers\":["), ("\"config\":{", "\"config\":{\"data\":\"\","),
        ])
    func spoiltManifest(part: String, other: String) throws {
        let good = imageManifest("{}", [Self.blob])
        #expect(CacheManifest(good)?.isMergeable == true)
        let range = try #require(good.range(of: ByteString(part)))
        let spoilt = good.prefix(range.lowerBound) + ByteString(other) + good.dropFirst(range.upperBound)
        #expect(CacheManifest(spoilt)?.isMergeable != true)
    }

    @Test("An empty blob is one as well")
    func emptyBlob() throws {
        let text = imageManifest("{}", [Self.blob])
        let range = try #require(text.range(of: "\"size\":7"))
        let empty = text.prefix(range.lowerBound) + "\"size\":0" + text.dropFirst(range.upperBound)
        let manifest = try #require(CacheManifest(empty))
        #expect(manifest.isMergeable && manifest.layers.map(\.size) == [0])
    }

    @Test("Members that no union can hold do not hide the blobs, whatever the case of their names")
    func unknownMembers() throws {
        let config = ByteString("{\"layers\":[\(Self.layer)],\"records\":[\(Self.source)]}")
        let text = imageManifest(config, [Self.blob])
        let range = try #require(text.range(of: "\"layers\""))
        let odd =
            "{\"subject\":{}," + text.prefix(range.lowerBound).dropFirst(1) + "\"Layers\""
            + text.dropFirst(range.upperBound)
        let (plain, manifest) = (try #require(CacheManifest(text)), try #require(CacheManifest(odd)))
        #expect(manifest.layers == plain.layers && manifest.config == plain.config && !manifest.isMergeable)
        #expect(CacheGraph(manifest: plain, config: config) != nil)
        #expect(CacheGraph(manifest: manifest, config: config) == nil)
    }

    @Test("A layer without a media type is one as well")
    func untypedLayer() throws {
        let text = imageManifest("{}", [Self.blob])
        let type: ByteString = "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\","
        let range = try #require(text.range(of: type))
        let manifest = try #require(CacheManifest(text.prefix(range.lowerBound) + text.dropFirst(range.upperBound)))
        #expect(manifest.isMergeable && manifest.layers.map(\.mediaType) == [""])
    }

    @Test("A blob that serves several chains is named once")
    func doubleBlob() throws {
        let manifest = try #require(CacheManifest(imageManifest("{}", [Self.blob, digest("x"), Self.blob])))
        #expect(manifest.layers.map(\.digest.name) == [ByteString(digest("x")), ByteString(Self.blob)])
    }

    @Test("Go omits zeros: for parents, links and layers")
    func zeros() throws {
        let graph = try #require(
            read(
                """
                {"layers":[\(Self.layer),{"blob":"\(digest("other"))"}],"records":[\(Self.source),
                {"digest":"\(Self.step)","inputs":[[{}]],"layers":[{"createdAt":"2026-11-28T10:00:00Z"},{"layer":1}]}]}
                """, blobs: [Self.blob, digest("other")]))
        #expect(graph.recordCount == 2)
        #expect(graph.layers.count == 2)
        #expect(graph.config.range(of: "\"createdAt\":\"0001-01-01T00:00:00Z\"") != nil)
        #expect(graph.config.range(of: ByteString("\"parent\":-1},{\"blob\":\"\(digest("other"))\"}")) != nil)
    }

    @Test("The layers below a result are kept, the first one, too, and others are not")
    func below() throws {
        let blobs = ["a", "b", "c", "unused"].map { digest($0) }
        let parents = [-1, 0, 1, 0]
        let layers = (0..<4).map { "{\"blob\":\"\(blobs[$0])\",\"parent\":\(parents[$0])}" }.joined(separator: ",")
        let record = "{\"digest\":\"\(Self.base)\",\"layers\":[{\"layer\":2}]}"
        let graph = try #require(read("{\"layers\":[\(layers)],\"records\":[\(record)]}", blobs: blobs))
        #expect(Set(graph.layers.map(\.digest.name)) == Set(blobs.dropLast().map { ByteString($0) }))
    }

    @Test("All members that BuildKit knows are kept: selectors, chains, annotations, and times to the nanosecond")
    func allMembers() throws {
        let graph = try #require(
            read(
                """
                {"layers":[{"blob":"\(Self.blob)","parent":-1,"annotations":{"mediaType":"m","diffID":"\(Self.blob)",
                "size":3,"createdAt":"2026-11-28T10:00:00Z"}}],"records":[\(Self.source),
                {"digest":"\(Self.step)","inputs":[[{"selector":"/a\\"b\\u00e4","link":0}],[{"link":0}]],
                "layers":[{"layer":0,"createdAt":"2026-11-28T12:00:00.123456789+02:00"}],
                "chains":[{"layers":[0,0],"createdAt":"2026-11-28T10:00:00.5Z"}]}]}
                """))
        for part in [
            "\"selector\":\"/a\\\"b\u{e4}\"", "\"createdAt\":\"1926-11-28T10:00:00.123456789Z\"",
            "\"annotations\":{\"mediaType\":\"m\"", "\"chains\":[{\"layers\":[",
            "\"createdAt\":\"1926-11-28T10:00:00.5Z\"",
        ] {
            #expect(graph.config.range(of: ByteString(part)) != nil, "\(part)")
        }
        let config = graph.config
        #expect(CacheGraph(manifest: graph.manifest(of: config), config: config) == graph)
    }

    @Test("A layer has no results if the manifest does not name its blob or its parent's blob")
    func unnamed() throws {
        let graph = try #require(
            read(
                """
                {"layers":[{"blob":"\(digest("gone"))","parent":-1},{"blob":"\(Self.blob)"}],
                "records":[{"digest":"\(Self.step)","layers":[{"layer":1},{"layer":0}],"chains":[{"layers":[0,1]},
                {"layers":[1]}]}]}
                """))
        #expect(graph.config.range(of: "\"layers\":[{\"layer\"") == nil)
        #expect(graph.config.range(of: "\"chains\":[{\"layers\":[0]") != nil)
        #expect(graph.config.hasPrefix(ByteString("{\"layers\":[{\"blob\":\"\(Self.blob)\",\"parent\":-1}],")))
        #expect(graph.layers.map(\.digest.name) == [ByteString(Self.blob)])
    }

    @Test(
        "A record with an unreachable input is left out with whatever depends only on it: BuildKit would refuse everything"
    )
    func unreachable() throws {
        let graph = try #require(
            read(
                """
                {"layers":[\(Self.layer)],"records":[\(Self.source),{"digest":"\(Self.step)","inputs":[null]},
                {"digest":"\(Self.step)","inputs":[[{"link":1},{"link":0}]]},{"digest":"\(Self.step)","inputs":[[{"link":1}]]},
                {"digest":"\(Self.step)","inputs":[null,[{"link":0}]]}]}
                """))
        #expect(graph.recordCount == 2)
    }

    @Test("A record that becomes one with another on which it depends keeps no link to itself")
    func itself() throws {
        let graph = try #require(
            read(
                """
                {"records":[\(Self.source),{"digest":"\(Self.step)","inputs":[[{"link":0}]]},
                {"digest":"\(Self.step)","inputs":[[{"link":0},{"link":1}]]}]}
                """))
        #expect(
            graph.config
                == ByteString(
                    """
                    {"layers":[],"records":[\(Self.source),{"digest":"\(Self.step)","inputs":[[{"link":0}]]}]}
                    """))
    }

    @Test("Records that become one after another carry along those that depend on them")
    func carriedAlong() throws {
        func step(_ name: String, on links: Int...) -> String {
            let inputs = links.map { "{\"link\":\($0)}" }.joined(separator: ",")
            return "{\"digest\":\"\(digest(name))\",\"inputs\":[[\(inputs)]]}"
        }
        // The same step on each of three bases, with different steps after it. That it is the same record, only the
        // graphs that come later say, one after the other; the record with the most steps after it remains.
        let bases = (0..<3).map { "{\"digest\":\"\(digest("base \($0)"))\"}" }
        let first = (0..<3).map { step("first", on: $0) }
        let more = (0..<9).map { step("more \($0)", on: 5) }
        for (one, two) in [(0, 1), (1, 0)] {
            let next = [step("second", on: 3 + one), step("third", on: 3 + two), step("third", on: 5)]
            var merger = Merger()
            for steps in [first + next + more, [step("first", on: one, two)], [step("first", on: two, 2)]] {
                let records = (bases + steps).joined(separator: ",")
                merger.add(try #require(read("{\"records\":[\(records)]}")).graph)
            }
            #expect(CacheGraph(merger.union).recordCount == 3 + 1 + 2 + 9)
        }
    }

    @Test(
        "A config that BuildKit would refuse, or that has unknown members, is refused",
        arguments: [
            "", "[]", "{", "{} ,", "{\"layers\":{}}", "{\"layers\":[\(layer)],\"other\":1}",
            "{\"layers\":[],\"layers\":[]}",
            "{\"layers\":nuxl}", "{\"layers\":n", "{\"layers\":nu", "{\"layers\":nul",
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":-}]}",
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":}]}",
            "{\"layers\":[{\"parent\":-1}]}", "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":-2}]}",
            "{\"layers\":[\(layer),{\"blob\":\"\(blob)\",\"parent\":-2}]}",
            "{\"layers\":[\(layer),{\"blob\":\"\(blob)\",\"parent\":{}}]}",
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":1}]}", "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":0}]}",
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":-1,\"x\":1}]}",
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":- 1}]}",
            "{\"layers\":[{\"blob\":\"sha512:00\",\"parent\":-1}]}",
            "{\"records\":[{}]}", "{\"records\":[{\"digest\":\"random:1\"}]}", "{\"records\":[\(source),]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":0}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":1}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":-1}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":1.0}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":99999999999999999999}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"inputs\":[[{\"links\":0}]]}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"layer\":0}]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"createdAt\":\"yesterday\"}]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"createdAt\":\"2026-02-30T00:00:00Z\"}]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"chains\":[{\"layers\":[1]}]}]}",
            "{\"records\":[\(source)]}\n{}", "{\"records\":[\(source)]", "{\u{B}\"records\":[\(source)]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"layer\":-1}]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"chains\":[{\"layers\":[-1]}]}]}",
            "{\"records\":[\(source),{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":-1}]]}]}",
            // Unknown members, even without a value, and members that occur twice.
            "{\"x\":}", "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":-1,\"x\":}]}",
            "{\"records\":[{\"digest\":\"\(base)\",\"x\":}]}",
            "{\"records\":[\(source),{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":0,\"x\":}]]}]}",
            "{\"records\":[\(source),{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":0,\"link\":}]]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"layer\":0,\"x\":}]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"chains\":[{\"layers\":[0],\"x\":}]}]}",
            // What is wrong in the last member of an object that does not end.
            "{\"layers\":[{\"blob\":\"\(blob)\",\"parent\":-2]}", "{\"records\":[{\"digest\":\"random:1\"]}",
            "{\"records\":[\(source),{\"digest\":\"\(base)\",\"inputs\":[[{\"link\":-1]]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"layers\":[{\"layer\":-1]}]}",
            "{\"layers\":[\(layer)],\"records\":[{\"digest\":\"\(base)\",\"chains\":[{\"layers\":[-1]]}]}",
        ])
    func spoiltConfig(config: String) {
        #expect(read(config) == nil)
    }

    @Test(
        "Annotations of a layer are those of BuildKit, each once, or none",
        arguments: [
            ("null", true), ("{}", true), ("{\"mediaType\":\"a\",\"diffID\":\"b\",\"size\":1}", true),
            ("{\"createdAt\":\"2026-11-20T10:00:00Z\"}", true), ("[]", false), ("\"a\"", false),
            ("{\"size\":1,\"size\":1}", false), ("{\"size\":\"1\"}", false), ("{\"mediaType\":1}", false),
            ("{\"diffID\":null}", false), ("{\"createdAt\":\"now\"}", false), ("{\"other\":1}", false),
        ])
    func annotations(text: String, isKnown: Bool) {
        let layer = "{\"blob\":\"\(Self.blob)\",\"parent\":-1,\"annotations\":\(text)}"
        #expect((read("{\"layers\":[\(layer)]}") != nil) == isKnown)
    }

    @Test("Blanks and null lists are read as Go reads them")
    func blanks() {
        #expect(
            read(" { \"layers\" : null ,\r \"records\":\t[ { \"digest\" :\n\"\(Self.base)\" , \"inputs\":null } ] } ")?
                .recordCount == 1)
    }

    @Test("A selector that is not UTF-8 is refused")
    func selectors() {
        func graph(_ selector: ByteString) -> CacheGraph? {
            let input = "[[{\"selector\":\"" + selector + "\",\"link\":0}]]"
            let step = "{\"digest\":\"" + ByteString(Self.step) + "\",\"inputs\":" + input + "}"
            let config = "{\"records\":[" + ByteString(Self.source) + "," + step + "]}"
            return CacheManifest(imageManifest(config, [])).flatMap { CacheGraph(manifest: $0, config: config) }
        }
        #expect(graph("a\u{E4}") != nil)
        #expect(graph("a" + ByteString([0xE4])) == nil)
    }

    @Test("Of two equal times neither is earlier")
    func equalTimes() {
        let times = [Instant(seconds: 1, nanoseconds: 5), Instant(seconds: 2, nanoseconds: 4)]
        #expect(times[0] < times[1] && !(times[1] < times[0]) && times.allSatisfy { !($0 < $0) })
    }

    /// BuildKit takes the newest of a step's results, and an imported one costs it a round trip for each layer.
    @Test(
        "A union's results are older than any that an engine has, in the same order, and get their times back when read",
        arguments: [
            ("2026-11-28T17:23:06.225277024Z", "1926-11-28T17:23:06.225277024Z"),
            ("1970-01-01T00:00:00Z", "1869-12-31T00:00:00Z"),
        ])
    func ages(text: String, aged: String) throws {
        let instant = try #require(Instant(Array(text.utf8)[...]))
        var out: [UInt8] = []
        instant.aged.write(to: &out)
        #expect(String(decoding: out, as: UTF8.self) == aged)
        #expect(instant.aged.young == instant)
        #expect(instant.young == instant)
        #expect(instant.aged.aged == instant.aged)
        #expect(Instant.zero.aged == .zero)
        #expect(Instant.zero.young == .zero)
    }

    @Test(
        "Times are written as they were read, in UTC",
        arguments: [
            ("2026-11-28T17:23:06.225277024Z", "2026-11-28T17:23:06.225277024Z"),
            ("2026-11-28T17:23:06.100Z", "2026-11-28T17:23:06.1Z"), ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"), ("2024-02-29T00:00:00-01:30", "2024-02-29T01:30:00Z"),
            ("2024-12-31T23:59:59+23:59", "2024-12-31T00:00:59Z"),
        ])
    func times(text: String, written: String) throws {
        let instant = try #require(Instant(Array(text.utf8)[...]))
        var out: [UInt8] = []
        instant.write(to: &out)
        #expect(String(decoding: out, as: UTF8.self) == written)
    }

    @Test(
        "Times that Go refuses are refused",
        arguments: [
            "2026-11-28", "2026-11-28T17:23:06", "2026-11-28 17:23:06Z", "2026-13-28T17:23:06Z", "2026-11-28T24:00:00Z",
            "2026-11-28T17:23:06.Z", "2026-11-28T17:23:06+0200", "0000-01-01T00:00:00Z", "2026-11-28T17:23:06Zx",
            "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-11-28T17:60:06Z", "2026-11-28T17:23:60Z",
            "2026-11-28T17:23:06+24:00", "2026-11-28T17:23:06+01:60", "2026-00-28T17:23:06Z", "2026-11-00T17:23:06Z",
            "2026-11-31T17:23:06Z", "2026-12-32T17:23:06Z", "2026-02-29T17:23:06Z", "2026-11-28T17:23:06.0123456789Z",
            "2026-11-28T17:23:06+",
            "2026-11-28T17:23:06.25",
        ])
    func noTimes(text: String) {
        #expect(Instant(Array(text.utf8)[...]) == nil)
    }

    @Test("Each comes after those that it depends on, and a cycle has no order")
    func order() {
        #expect(Topology.order([]) == [])
        #expect(Topology.order([[2, 3], [], [1], [1]]) == [1, 2, 3, 0])
        #expect(Topology.order([[3], [], [1], [2]]) == [1, 2, 3, 0])
        #expect(Topology.order([[1, 1], [2], []]) == [2, 1, 0])
        #expect(Topology.order([[1], [0], []]) == nil)
        #expect(Topology.order([[0]]) == nil)
    }
}
