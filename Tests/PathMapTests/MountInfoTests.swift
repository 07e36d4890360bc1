import Formats
import PathMap
import TestSupport
import Testing

@Suite("What the kernel and the engine say is mounted")
struct MountInfoTests {
    private static let own = ByteString("0123456789abcdef").repeated(4)
    private static let other = ByteString("fedcba9876543210").repeated(4)

    private static func line(_ root: ByteString, _ point: ByteString) -> ByteString {
        "36 35 98:0 " + root + " " + point + " rw,noatime master:1 - ext4 /dev/sda1 rw\n"
    }

    private static func files(
        _ id: ByteString = own, below: ByteString = "/var/lib/docker/containers/",
        _ names: [ByteString] = ["resolv.conf", "hostname", "hosts"]
    ) -> ByteString {
        names.map { line(below + id + "/" + $0, "/etc/" + $0) }.joined(separator: "")
    }

    static let containers: [(ByteString, MountInfo.Container)] = [
        (files(), .id(own)), (files(below: "/"), .id(own)), (files(below: "/@/docker/containers/"), .id(own)),
        (files(own, ["hosts"]), .id(own)),
        // The user's own file in place of one of them proves nothing; another container's is a contradiction.
        (files(own, ["hostname", "resolv.conf"]) + line("/home/u/hosts", "/etc/hosts"), .id(own)),
        (files(own, ["hostname"]) + files(other, ["hosts"]), .unclear),
        // A later mount covers an earlier one.
        (files() + line("/home/u/hosts", "/etc/hosts"), .id(own)),
        // The host, podman, kubelet, a cgroup's name, a shorter ID, another file in the folder, a deleted file.
        ("", .none), (line("/", "/"), .none),
        (line("/var/lib/containers/storage/overlay-containers/" + own + "/userdata/hosts", "/etc/hosts"), .none),
        (line("/var/lib/kubelet/pods/1-2/etc-hosts", "/etc/hosts"), .none),
        (line("/docker/" + own, "/sys/fs/cgroup"), .none), (files(own.dropFirst(1), ["hosts"]), .none),
        (line("/c/" + own + "/hostname", "/etc/hosts"), .none),
        (line("/c/" + own + "/hosts//deleted", "/etc/hosts"), .none),
        (line("/c/" + own.dropLast(1) + "G/hosts", "/etc/hosts"), .none),
    ]

    private static func files(_ id: ByteString, _ names: [ByteString]) -> ByteString {
        files(id, below: "/var/lib/docker/containers/", names)
    }

    @Test("The container whose files the engine mounted", arguments: containers)
    func container(_ text: ByteString, _ expected: MountInfo.Container) {
        #expect(MountInfo(text).container == expected)
    }

    @Test("Octal escapes, bytes that are not UTF-8, and invalid lines")
    func reading() {
        let text = Self.line("/a\\040b\\134\\011", "/c\\012" + ByteString([0xFF]) + "\\9x\\04") + "36 35 98:0 /x\n\nx\n"
        #expect(MountInfo(text).root(at: "/c\n" + ByteString([0xFF]) + "\\9x\\04") == "/a b\\\t")
        #expect(MountInfo(text).root(at: "/x") == nil)
        // A line counts once its fifth field has an end, whether or not the line has one.
        let line = Self.line("/r", "/x")
        let whole = ByteString("36 35 98:0 /r /x ").count
        for count in 0...line.count {
            #expect(MountInfo(line.prefix(count)).root(at: "/x") == (count < whole ? nil : "/r"), "\(count)")
        }
    }

    @Test("A path below a mount is not in the root file system, however short the mount's name is")
    func inRoot() {
        let info = MountInfo(Self.line("/", "/") + Self.line("/srv", "/w") + Self.line("/etc/hosts", "/etc/hosts"))
        let paths: [(ByteString, Bool)] = [
            ("/", true), ("/x", true), ("/wx", true), ("/etc", true), ("/etc/hostname", true),
            ("/w", false), ("/w/x", false), ("/etc/hosts", false),
        ]
        for (path, isInRoot) in paths { #expect(info.isInRoot(path) == isInRoot, "\(path)") }
    }

    private static func mounts(_ json: ByteString) throws -> [ContainerMount] {
        try #require(JSON("{\"Mounts\":[" + json + "]}").flatMap(ContainerMount.list))
    }

    private static func bind(_ source: ByteString, _ destination: ByteString) -> ByteString {
        "{\"Type\":\"bind\",\"Source\":\"" + source + "\",\"Destination\":\"" + destination + "\"}"
    }

    @Test("Another container's mounts are not this one's, even if some are the same")
    func matching() throws {
        let info = MountInfo(
            Self.line("/srv/ws", "/ws") + Self.line("/proj", "/p") + Self.line("/", "/fs") + Self.line("/x/y", "/y"))
        let cases: [(ByteString, Bool)] = [
            (Self.bind("/srv/ws", "/ws"), true), ("", false), (Self.bind("/srv/other", "/ws"), false),
            (Self.bind("/srv/ws", "/ws") + "," + Self.bind("/db", "/db"), false),
            // The root of a separate file system, or a part of a path, proves nothing; together with a certain match
            // they fit.
            (Self.bind("/mnt/disk", "/fs"), false), (Self.bind("/mnt/proj", "/p"), false),
            (
                Self.bind("/srv/ws", "/ws") + "," + Self.bind("/mnt/disk", "/fs") + "," + Self.bind("/mnt/proj", "/p"),
                true
            ),
            (Self.bind("/srv/ws", "/ws") + "," + Self.bind("/a/xx/y", "/y"), false),
            (Self.bind("/srv/ws", "/ws") + ",{\"Type\":\"tmpfs\",\"Source\":\"\",\"Destination\":\"/fs\"}", true),
            (Self.bind("/srv/ws", "/ws") + ",{\"Type\":\"tmpfs\",\"Source\":\"\",\"Destination\":\"/tmp\"}", false),
        ]
        for (json, expected) in cases { #expect(info.matches(try Self.mounts(json)) == expected, "\(json)") }
    }

    @Test("A table has the engine's mounts, and knows of others that the engine does not")
    func table() throws {
        let info = MountInfo(
            ["/", "/ws", "/ws/tmp", "/ws/sub", "/ws/sub/deep", "/ws2/tmp", "/proc", "/bad"].map { Self.line("/r", $0) }
                .joined(separator: ""))
        let volume: ByteString =
            "{\"Type\":\"volume\",\"Name\":\"v\",\"Source\":\"/d/v/_data\",\"Destination\":\"/ws/sub/\"}"
        let table = info.table(
            of: try Self.mounts(
                [Self.bind("/h/./ws", "/ws"), volume, Self.bind("/gone", "/gone"), Self.bind("/\u{FFFD}", "/bad")]
                    .joined(separator: ",")))
        #expect(table.rows.map(\.from) == ["/ws", "/ws/sub"])
        #expect(table.rows.map(\.to) == ["/h/ws", "/d/v/_data"])
        #expect(table.holes == ["/ws/tmp", "/ws/sub/deep"])
        #expect(table.isAutomatic)
    }

    @Test("A path with a NUL, or one that JSON has spoilt, cannot be translated")
    func odd() throws {
        let mounts = try Self.mounts(
            ["/h", "/h\\u0001", "/h\\u0000", "/\u{FFFD}"].map { Self.bind($0, "/w") }.joined(separator: ","))
        #expect(mounts.map(\.isTranslatable) == [true, true, false, false])
    }

    @Test("Invalid mounts make no list")
    func strange() {
        for json: ByteString in [
            "{}", "{\"Mounts\":null}", "{\"Mounts\":[{}]}", "{\"Mounts\":[{\"Type\":\"bind\",\"Destination\":\"a\"}]}",
        ] {
            #expect(JSON(json).flatMap(ContainerMount.list) == nil)
        }
    }

    @Test("What is remembered is read back byte for byte, except damaged lines")
    func remembering() throws {
        let row = PathTable.Row(
            from: "/a b\\\n", to: "/" + ByteString([0xFF, 0x01]), origin: .mounts, resolved: "/r\t")
        let key: [ByteString] = [Self.own, "1", "2", "-3"]
        for table in [
            RememberedTable(key: key, rows: [row, row], isKnown: true),
            RememberedTable(key: key, rows: [], isKnown: false),
        ] {
            #expect(table.line.bytes.allSatisfy { $0 >= 0x20 })
            // As the kernel writes paths.
            #expect(table.rows.isEmpty || table.line.range(of: "/a\\040b\\134\\012") != nil)
            #expect(RememberedTable(line: table.line) == table)
            #expect(RememberedTable(line: table.line + " /x") == nil)
        }
        for line: ByteString in ["", "a b c d", "a b c d maybe", "a b c d known x y z", "a b c d known /x /y"] {
            #expect(RememberedTable(line: line) == nil)
        }
    }
}
