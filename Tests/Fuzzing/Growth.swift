#if GROWTH
    import Formats
    import Glibc
    import Host

    /// How the readers' work grows with their inputs: each gets n, 2n, 4n and 8n bytes, each time in a separate
    /// process, whose instructions `Tests/growth` counts, and which reports how much memory it used.
    @main
    enum Growth {
        static func main() {
            // "TURN/N": one of N rows, as Tests/turn.bash has it.
            let words = CommandLine.arguments.dropFirst()
            let sizes = words.compactMap { Int($0) }
            let part = words.last.map { $0.split(separator: "/").compactMap { Int($0) } } ?? []
            for shape in shapes where target(named: shape.target) == nil || sizes.isEmpty {
                return print("no such target, or no sizes: " + shape.target)
            }
            for name in allTargets where !shapes.contains(where: { $0.target == name }) {
                print("missing \(name)")
            }
            for (index, shape) in shapes.enumerated() {
                if part.count == 2, part[1] > 0, (index + part[0]) % part[1] != 0 { continue }
                // Without any input: the cost of the process itself.
                for size in [0] + sizes { measure(shape, size) }
            }
        }

        private static func measure(_ shape: Shape, _ size: Int) {
            let input = size == 0 ? ByteString() : shape.make(size)
            fflush(nil)
            let child = fork()
            if child == 0 {
                if size > 0 {
                    // Peak memory is counted from here on: proc(5), /proc/PID/clear_refs.
                    if let file = fopen("/proc/self/clear_refs", "w") {
                        fputs("5", file)
                        fclose(file)
                    }
                    let before = peak("VmRSS:")
                    target(named: shape.target)?(input)
                    print(
                        "\(shape.target) \(shape.name) \(size) \(getpid()) \(input.count) \(max(0, peak("VmHWM:") - before))"
                    )
                } else {
                    print("\(shape.target) \(shape.name) 0 \(getpid()) 0 0")
                }
                fflush(nil)
                _exit(0)
            }
            var status: Int32 = 0
            waitpid(child, &status, 0)
            if status != 0 { print("died \(shape.target) \(shape.name) \(size)") }
        }

        /// Kilobytes of a row of /proc/self/status.
        private static func peak(_ row: ByteString) -> Int {
            let text = (try? Files.read("/proc/self/status", limit: 65_536)) ?? ""
            let line = text.split("\n").first { $0.hasPrefix(row) }
            return line?.dropFirst(row.count).trimmed.split(" ").first?.decimal ?? 0
        }
    }

    /// Inputs of one kind, of any length.
    private struct Shape {
        let target: String
        let name: String
        let make: @Sendable (Int) -> ByteString

        init(_ target: String, _ name: String, _ make: @escaping @Sendable (Int) -> ByteString) {
            (self.target, self.name, self.make) = (target, name, make)
        }

        /// A repeated text between two others.
        init(_ target: String, _ name: String, _ first: String = "", each: String, _ last: String = "") {
            self.init(target, name) { size in
                let count = max(1, (size - first.utf8.count - last.utf8.count) / max(1, each.utf8.count))
                return ByteString(first + String(repeating: each, count: count) + last)
            }
        }

        /// A repeated text in which an increasing number replaces "#".
        init(_ target: String, _ name: String, _ first: String = "", numbered: String, _ last: String = "") {
            self.init(target, name) { size in
                var text = Array(first.utf8)
                var number = 0
                while text.count < size {
                    for byte in numbered.utf8 {
                        if byte == UInt8(ascii: "#") { text += Array(String(number).utf8) } else { text.append(byte) }
                    }
                    number += 1
                }
                return ByteString(text + Array(last.utf8))
            }
        }
    }

    /// Ordinary inputs, and the worst known ones. A target without a row is an error.
    private let shapes: [Shape] = [
        Shape("arguments", "options", "build\0", each: "--build-arg\0a=b\0", "."),
        Shape("arguments", "mounts", "run\0", numbered: "-v\0/ws/#:/#\0", "image"),
        Shape("arguments", "dashes", "run\0", each: "-", ""),
        Shape("settings", "lines", each: "store.max-size = 20GB\n"),
        Shape("settings", "bad lines", numbered: "a# = b\n"),
        Shape("settings", "a path map", "path.map = ", numbered: "/a#=/b#,", "/c=/d"),
        Shape("settings", "users", "store.trusted-users = ", numbered: "1#,", "1"),
        Shape("json", "numbers", "[", each: "1,", "1]"),
        Shape("json", "members", "{", numbered: "\"k#\":\"v\",", "\"a\":1}"),
        Shape("json", "equal members", "{", each: "\"a\":1,", "\"a\":1}"),
        Shape(
            "json", "nested", "[", each: String(repeating: "[", count: 60) + String(repeating: "]", count: 60) + ",",
            "1]"),
        Shape("json", "escapes", "\"", each: "\\u0041\\n", "\""),
        Shape("json", "open brackets", each: "["),
        Shape("csv", "fields", each: "a,"),
        Shape("csv", "quotes", "\"", each: "\"\"", "\""),
        Shape("csv", "lines", each: "a\n"),
        Shape("http", "one body", "\0HTTP/1.1 200 OK\r\n\r\n", each: "x"),
        Shape(
            "http", "chunks", "\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", each: "1\r\nx\r\n", "0\r\n\r\n"
        ),
        Shape("http", "fields", "\0HTTP/1.1 200 OK\r\n", each: "A: b\r\n", "\r\n"),
        Shape("buildkit", "a long head", "\u{1}HTTP/1.1 200 OK\r\nA: ", each: "\r", "\r\n\r\n"),
        Shape("buildkit", "frames") { size in
            call((0..<(size / 9)).flatMap { _ in [0, 0, 0, 0x77, 0, 0, 0, 0, 0] as [UInt8] }, framed: true)
        },
        Shape("buildkit", "a body in pieces") { size in
            call((0..<(size / 10)).flatMap { _ in [0, 0, 1, 0, 0, 0, 0, 0, 1, 0] as [UInt8] }, framed: true)
        },
        Shape("buildkit", "labels") { size in call(worker(of: size, [0x12, 4, 0x0A, 2, 0x61, 0x62])) },
        Shape("buildkit", "platforms") { size in call(worker(of: size, [0x1A, 0])) },
        Shape("buildkit", "numbers") { size in call(worker(of: size, [0x28] + [UInt8](repeating: 0xFF, count: 9) + [1]))
        },
        Shape(
            "engine", "volumes", "{\"Volumes\":[",
            numbered:
                "{\"Name\":\"v#\",\"Labels\":{\"app\":\"slipway\",\"type\":\"cache\",\"slipway.created\":\"#\",\"slipway.layers\":\"v0\"}},",
            "{}]}"),
        Shape(
            "engine", "info", "{\"OSType\":\"linux\",\"ServerVersion\":\"1\",\"DriverStatus\":[",
            each: "[\"a\",\"b\"],", "[]]}"),
        Shape("buildkit", "records") { size in
            call((0..<(size / 16)).flatMap { _ in [0x0A, 14, 0x0A, 12] + [UInt8](repeating: 0x61, count: 12) })
        },
        Shape("engine", "quotation marks", "{", each: "\"", "}"),
        Shape("mountinfo", "mounts", numbered: "# 1 0:# /# /m/# rw - ext4 /dev/a rw\n"),
        Shape("mountinfo", "one place", each: "1 1 0:1 / /m rw - ext4 /dev/a rw\n"),
        Shape("mountinfo", "deep", "1 1 0:1 / ", each: "/m", " rw - ext4 /dev/a rw\n"),
        Shape(
            "index", "layers", "{\"manifests\":[{MANIFEST}]}\0{\"config\":{CONFIG},\"layers\":[{LAYER}", each: ",{}",
            "]}\0{}"),
        Shape(
            "index", "manifests", "{\"manifests\":[", each: "{},",
            "{MANIFEST}]}\0{\"config\":{CONFIG},\"layers\":[{LAYER}]}\0{}"),
        Shape("git", "sections", each: "[remote \"a\"]\n\turl = b\n", "[remote \"origin\"]\n\turl = https://a/b\n"),
        Shape("git", "one address", "[remote \"origin\"]\n\turl = https://a/", each: "../b/./"),
        Shape("git", "blanks", each: " "),
        Shape("docker-config", "registries", "{\"auths\":{", numbered: "\"r#\":{\"auth\":\"a\"},", "\"a\":{}}}"),
        Shape("docker-config", "variables", numbered: "V#=a\n"),
        Shape("docker-config", "hosts", each: "1.1.1.1 localhost\n"),
        Shape("docker-config", "one host's names", "1.1.1.1", each: " a"),
        Shape("union", "layers on one another") { unionConfig(of: $0, chained: true) },
        Shape("union", "records of one input") { unionConfig(of: $0, chained: false) },
        Shape("union", "configs") { size in
            let each = unionConfig(of: max(1, size / 4), chained: true)
            return [each, each, each, each].joined(separator: "\0")
        },
        Shape("records", "journal", each: "{\"time\":1,\"pid\":2,\"command\":\"build\",\"notes\":[]}\n"),
        Shape("records", "torn lines", each: "{\n"),
        Shape(
            "metrics", "labels",
            "{\"format\":1,\"journal\":{\"offset\":0,\"digest\":\"\"},\"ledger\":{\"offset\":0,\"digest\":\"\"},\"counts\":{\"builds_missed\":{",
            numbered: "\"#\":1,", "\"z\":1}}}"),
        Shape(
            "metrics", "one label",
            "{\"format\":1,\"journal\":{\"offset\":0,\"digest\":\"\"},\"ledger\":{\"offset\":0,\"digest\":\"\"},\"counts\":{\"builds\":{",
            each: "\"\":9,", "\"\":1}}}"),
        Shape(
            "bake-definition", "targets", "{\"target\":{", numbered: "\"t#\":{\"context\":\".\"},", "\"default\":{}}}"),
        Shape(
            "bake-definition", "a chain", "{\"target\":{\"default\":{\"contexts\":{\"a\":\"target:t0\"}},",
            numbered: "\"t#\":{\"contexts\":{\"a\":\"target:default\"}},", "\"z\":{}}}"),
        Shape(
            "bake-definition", "a group", "{\"target\":{\"a\":{}},\"group\":{\"default\":{\"targets\":[",
            each: "\"a\",", "\"a\"]}}}"),
        Shape(
            "bake-definition", "groups", "{\"group\":{", numbered: "\"g#\":{\"targets\":[\"g0\",\"default\"]},",
            "\"default\":{\"targets\":[\"g0\"]}}}"),
        Shape(
            "bake-definition", "arguments", "{\"target\":{\"default\":{\"args\":{", numbered: "\"A#\":\"b\",",
            "\"a\":\"b\"}}}}"),
        Shape(
            "dockerfile", "instructions", "FROM debian:12\n",
            each: "RUN apt-get update && apt-get install -y curl\nCOPY a /b\n"),
        Shape("dockerfile", "stages", numbered: "FROM debian:12 AS s#\nCOPY --from=s0 /a /b\n"),
        Shape("dockerfile", "one RUN", "FROM debian:12\nRUN true", each: " && pip install a"),
        Shape("dockerfile", "one RUN of lines", "FROM debian:12\nRUN true", each: " \\\n && pip install a # b"),
        Shape("dockerfile", "brackets", "FROM debian:12\nRUN ", each: "$("),
        Shape("dockerfile", "backquotes", "FROM debian:12\nRUN ", each: "`"),
        Shape("dockerfile", "quotes", "FROM debian:12\nRUN ", each: "\"$(a \""),
        Shape("dockerfile", "here-documents", "FROM debian:12\nRUN true", each: " <<A"),
        Shape("dockerfile", "nested here-documents", "FROM debian:12\nRUN <<A\n", each: "cat <<B\nB\n", "A\n"),
        Shape("dockerfile", "mounts", "FROM debian:12\n", each: "RUN --mount=type=cache,target=/a pip install b\n"),
        Shape("dockerfile", "one mount", "FROM debian:12\nRUN --mount=type=cache", each: ",id=a", " true\n"),
        Shape("dockerfile", "variables", "FROM debian:12\n", numbered: "ENV A#=$A0$A1\n"),
        Shape(
            "dockerfile", "arguments that double each other", "ARG A0=a\n", numbered: "ARG A#=$A0$A0\n", "FROM $A0\n"),
        Shape("dockerfile", "images", "FROM debian:12\n", numbered: "COPY --from=a# /a /b\n"),
        Shape("dockerfile", "one name", "FROM ", each: "${A:-b}"),
        Shape("dockerfile", "one variable", "FROM debian:12\nENV A=a\n", each: "ENV A=$A$A\n"),
        Shape("dockerfile", "one ENV", "FROM debian:12\nENV", numbered: " A#=b"),
        Shape("dockerfile", "continuations", "FROM debian:12\nRUN a", each: "\\\n#b\n"),
        Shape("dockerfile", "comments", each: "# slipway: ignore=SLD001\n"),
        Shape("dockerfile", "blank lines", each: "\n"),
        Shape("dockerfile", "removals", "FROM debian:12\nRUN apt-get update", numbered: " && rm -rf /a/#"),
        Shape("git-index", "version 2", index(version: 2, keeping: 0)),
        Shape("git-index", "version 4", index(version: 4, keeping: 8)),
        Shape("git-index", "version 4, long paths", index(version: 4, keeping: 500)),
        Shape("git-index", "deep paths") { size in
            index(version: 2, keeping: 0, directories: true)(size)
        },
        Shape("tree-texts", "ignored", numbered: "a#/**/*.log\n"),
        Shape("tree-texts", "stars", each: "*a"),
        Shape("tree-texts", "a Dockerfile", "FROM a\n", each: "RUN b \\\n c\n"),
        Shape("tree-texts", "an outcome", each: "{\"vertexes\":[{\"digest\":\"a\",\"name\":\"b\"}]}\n"),
        Shape("tree-texts", "sources", each: "a/b "),
        Shape("context-record", "paths") { record($0, deep: false) },
        Shape("context-record", "long paths") { record($0, deep: true) },
        Shape("conversation", "lines", each: "a line\n"),
        Shape("conversation", "one line", each: "a"),
        Shape("conversation", "ends of lines", each: "\r"),
        Shape("bytes", "nearly a separator", each: "a"),
        Shape("bytes", "slashes", each: "/"),
        Shape("bytes", "dots", each: "../"),
    ]

    /// An index in which each path keeps this many bytes of the one before.
    private func index(
        version: UInt32, keeping: Int, directories: Bool = false
    ) -> @Sendable (Int) -> ByteString {
        { size in
            func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
            var (entries, count, last): ([UInt8], Int, [UInt8]) = ([], 0, [])
            let first = [UInt8](repeating: UInt8(ascii: "p"), count: keeping)
            while entries.count < size {
                let start = entries.count
                let digits = Array(String(count + 1_000_000).utf8)
                let path = directories ? digits + Array(String(repeating: "/d", count: 1500).utf8) : first + digits
                for value in [1, 2, 3, 4, 5, 6, 0o100644, 8, 9, 10] { entries += number(value) }
                entries += [UInt8](repeating: 0xAB, count: 20) + [0, 0]
                if version == 4 {
                    let common = zip(last, path).prefix { $0 == $1 }.count
                    entries.append(UInt8(last.count - common))
                    entries += path.dropFirst(common) + [0]
                } else {
                    entries += path + [0]
                    while (entries.count - start) % 8 != 0 { entries.append(0) }
                }
                last = path
                count += 1
            }
            // The last byte selects SHA-1.
            return ByteString(
                Array("DIRC".utf8) + number(Int(version)) + number(count) + entries + [UInt8](repeating: 0, count: 20))
        }
    }

    /// A list of one worker, whose record consists of a repeated field.
    private func worker(of size: Int, _ field: [UInt8]) -> [UInt8] {
        let record = (0..<max(1, size / field.count)).flatMap { _ in field }
        // Its length, in three bytes of seven bits.
        return [0x0A]
            + [0x80, 0x80, 0].enumerated().map { UInt8(truncatingIfNeeded: record.count >> (7 * $0) & 0x7F) | $1 }
            + record
    }

    /// The input of the target for BuildKit's answers: a message, or frames after two heads, settings and the head of
    /// an answer.
    private func call(_ bytes: [UInt8], framed: Bool = false) -> ByteString {
        guard framed else { return ByteString([0] + bytes) }
        let heads: ByteString = "\u{1}HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 OK\r\n\r\n"
        return ByteString(heads.bytes + [0, 0, 0, 4, 0, 0, 0, 0, 0] + [0, 0, 0, 1, 4, 0, 0, 0, 1] + bytes)
    }

    /// A record of a context with nearly this many bytes.
    private func record(_ size: Int, deep: Bool) -> ByteString {
        let first = deep ? String(repeating: "d/", count: 2000) : "src/"
        return recordBytes((0..<max(1, size / 20)).map { first + String($0 + 1_000_000) })
    }

    /// A cache config of this many bytes: a layer and a record for each step, each step on the one before, or all on
    /// the first.
    private func unionConfig(of size: Int, chained: Bool) -> ByteString {
        func digest(_ number: Int) -> String {
            "sha256:" + String(repeating: "0", count: 56) + String(10_000_000 + number)
        }
        var (layers, records) = ("", "")
        var number = 0
        while number == 0 || layers.utf8.count + records.utf8.count + 40 < size {
            let before = chained ? number - 1 : (number == 0 ? -1 : 0)
            let comma = number == 0 ? "" : ","
            layers += comma + "{\"blob\":\"\(digest(number))\",\"parent\":\(before)}"
            let inputs = number == 0 ? "" : ",\"inputs\":[[{\"link\":\(before)}]]"
            records += comma + "{\"digest\":\"\(digest(number))\",\"layers\":[{\"layer\":\(number)}]\(inputs)}"
            number += 1
        }
        return ByteString("{\"layers\":[" + layers + "],\"records\":[" + records + "]}")
    }
#endif
