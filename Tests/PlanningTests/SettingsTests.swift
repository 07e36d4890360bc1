import Formats
import TestSupport
import Testing

@testable import Planning

@Suite("Settings")
struct SettingsTests {
    /// A value of a setting, and how it is shown if it is accepted; nil if it is refused.
    private static let values: [(key: ByteString, value: ByteString, shown: ByteString?)] = [
        ("docker", "/usr/bin/docker", "/usr/bin/docker"), ("docker", "docker", nil), ("docker", "./docker", nil),
        ("store", "/s", "/s"), ("store", "s", nil), ("store", "~/s", nil),
        ("store", "/with, \"all\" #", "/with, \"all\" #"),
        ("store.max-size", "5GB", "5.0 GB"), ("trim.max-size", "1.5GB", "1.5 GB"), ("trim.max-size", "45080", nil),
        ("union.scope", "repository", "repository"), ("union.scope", "all", nil),
        ("union.other-max-age", "12h", "12h"), ("union.other-max-age", "0d", nil),
        ("trim.interval", "36h", "36h"), ("trim.interval", "0s", nil), ("trim.interval", "24", nil),
        ("trim.auto", "off", "off"), ("trim.auto", "yes", nil), ("store.max-size", "5", nil),
        ("store.max-size", "much", nil),
        ("store.min-free", "1 MB", "1.0 MB"), ("store.min-free", "-1MB", nil), ("store.min-free", "0B", "0 B"),
        ("store.trusted-users", "1000", "1000"), ("store.trusted-users", " 0 , 4294967295 ,", "0,4294967295"),
        ("store.trusted-users", "4294967296", nil), ("store.trusted-users", "-1", nil),
        ("store.trusted-users", "root", nil),
        ("store.trusted-users", "1 2", nil), ("build-cache", "on", "on"), ("build-cache", "off", "off"),
        ("build-cache", "import-only", "import-only"), ("build-cache", "ON", nil), ("build-cache", "true", nil),
        ("package-cache.mode", "view", "view"), ("package-cache.mode", "read-only", "read-only"),
        ("package-cache.mode", "read-write", "read-write"), ("package-cache.mode", "off", "off"),
        ("package-cache.mode", "on", nil), ("package-cache.mode", "readOnly", nil),
        ("path.map", "/a=/b", "/a=/b"), ("path.map", "\"/a,b=/c\",/d=e/=//f/../g", "\"/a,b=/c\",/d=e=/g"),
        ("path.map", "/a", nil), ("path.map", "a=/b", nil), ("path.map", "/a=b", nil), ("path.map", "/a=/b,", nil),
        ("path.workspace", "/w", "/w"), ("path.workspace", "w", nil), ("path.auto", "off", "off"),
        ("profile", "sandbox", "sandbox"), ("profile", "off", "off"), ("profile", "Sandbox", nil),
        ("sandbox.pids", "0100", "100"), ("sandbox.pids", "none", "none"), ("sandbox.pids", "0", nil),
        ("sandbox.pids", "-1", nil), ("sandbox.pids", "many", nil),
        ("sandbox.memory", "512MB", "512m"), ("sandbox.memory", "1.5g", "1536m"), ("sandbox.memory", "none", "none"),
        ("sandbox.memory", "6291455", nil), ("sandbox.memory", "-1", nil), ("sandbox.memory", "4 g", nil),
        ("sandbox.cpus", "1.50", "1.5"), ("sandbox.cpus", "0.01", "0.01"), ("sandbox.cpus", "none", "none"),
        ("sandbox.cpus", "0.009", nil), ("sandbox.cpus", "all", nil), ("sandbox.cpus", "1e1", nil),
        ("sandbox.capabilities", "setuid, CAP_CHOWN,CHOWN", "CHOWN,SETUID"), ("sandbox.capabilities", "none", "none"),
        ("sandbox.capabilities", "SYS_ADMIN", nil), ("sandbox.capabilities", "ALL", nil),
        ("sandbox.workspace", "/w/a b", "/w/a b"), ("sandbox.workspace", "team \u{E9}", "team \u{E9}"),
        ("sandbox.workspace", "a\u{1B}b", nil), ("sandbox.workspace", ByteString([0x61, 0xFF]), nil),
        ("path.auto", "yes", nil), ("journal", "on", "on"), ("journal", "off", "off"), ("journal", "1", nil),
        ("lint", "journal", "journal"), ("lint", "off", "off"), ("lint", "on", nil),
        ("path.auto", "yes", nil), ("modes", "report", "report"), ("modes", "fix", "fix"), ("modes", "on", nil),
        ("export", "auto", "auto"), ("export", "behind", "behind"), ("export", "never", nil),
        ("export.behind.max-time", "5m", "5m"), ("export.behind.max-time", "0s", nil),
        ("export.behind.max-pressure", "100", "100"), ("export.behind.max-pressure", "1", "1"),
        ("export.behind.max-pressure", "0", nil), ("export.behind.max-pressure", "101", nil), ("record", "off", "off"),
        ("record", "1", nil),
        ("record.max-files", "7", "7"), ("record.max-files", "0", nil), ("record.max-files", "-1", nil),
        ("record.max-time", "90s", "90s"), ("record.max-time", "0s", nil), ("journal", "on", "on"),
        ("journal", "off", "off"), ("journal", "1", nil), ("flight", "on", "on"), ("flight", "yes", nil),
        ("remote", "registry.example.com/team/cache", "registry.example.com/team/cache"),
        ("remote", "oci://127.0.0.1:5000/a__b/c.d", "127.0.0.1:5000/a__b/c.d"),
        ("remote", "oci:localhost", "localhost"), ("remote", "oci://oci:localhost", nil),
        ("remote", "oci://oci:registry.example.com", nil),
        ("remote", "team/cache", nil), ("remote", "-x.example.com/a", nil), ("remote", "a.example.com/Team", nil),
        ("remote", "a.example.com/x:tag", nil), ("remote", "a.example.com/x@sha256:0", nil),
        ("remote", "https://a.example.com/x", nil), ("remote", "me:secret@a.example.com/x", nil),
        ("remote", "a.example.com/x y", nil), ("remote", "a.example.com/", nil), ("remote", "a.example.com:/x", nil),
        ("remote", "a_b.example.com/x", nil), ("remote", "a.example.com/a..b", nil),
        ("remote", "a.example.com/-a", nil),
        ("remote", "a.example.com/" + ByteString("x").repeated(146), "a.example.com/" + ByteString("x").repeated(146)),
        ("remote", "a.example.com/" + ByteString("x").repeated(147), nil),
        ("remote.role", "writer", "writer"), ("remote.role", "writer-on-default-branch", "writer-on-default-branch"),
        ("remote.role", "admin", nil), ("remote.writer", "ci.1-A_b", "ci.1-A_b"), ("remote.writer", "-ci", nil),
        ("remote.writer", "a/b", nil), ("remote.max-fetch", "1GB", "1.0 GB"), ("remote.max-fetch", "1", nil),
        ("remote.interval", "90s", "90s"), ("remote.interval", "0s", nil), ("remote.interval", "1s", "1s"),
        ("remote.mode", "direct", "direct"),
        ("remote.mode", "on", nil), ("remote.wait", "20s", "20s"),
        ("remote.wait", "0s", nil), ("remote.wait", "10m", "10m"), ("remote.wait", "601s", nil),
        ("remote.wait", "1h", nil), ("remote.insecure", "on", "on"),
        ("remote.insecure", "yes", nil), ("remote.client", "/usr/bin/oras", "/usr/bin/oras"),
        ("remote.client", "oras", nil),
        ("builder", "team", "team"), ("builder", " eu-0 , us_1,EU-0", "eu-0,us_1"), ("builder", "none", ""),
        ("builder", ByteString("a").repeated(128), ByteString("a").repeated(128)),
        ("builder", ByteString("a").repeated(129), nil),
        ("builder", "-x", nil), ("builder", "a,", nil), ("builder", "0a", nil), ("builder", "tcp://a:1", nil),
        ("builder", "a b", nil), ("builder.wait", "200ms", "200ms"), ("builder.wait", "1s", "1s"),
        ("builder.wait", "1ms", "1ms"), ("builder.wait", "0ms", nil), ("builder.wait", "1001ms", nil),
        ("builder.wait", "2s", nil), ("builder.wait", "200", nil),
        ("builder.registry", "127.0.0.1:5000/images", "127.0.0.1:5000/images"),
        ("builder.registry", "images", nil), ("builder.load", "shim", "shim"), ("builder.load", "on", nil),
        ("flight.wait", "5m", "5m"), ("flight.wait", "0s", nil), ("flight.wait", "5", nil),
    ]

    @Test("The first of many invalid lines are shown, and the others are counted")
    func manyProblems() {
        var settings = Settings()
        let problems = settings.apply(lines: ByteString(String(repeating: "a\n", count: 20)), from: "f")
        #expect(problems.count == 17)
        #expect(problems.last?.text == "f: 4 more invalid lines")
    }

    @Test("Every value of every row, from a file", arguments: values)
    func file(_ key: ByteString, _ value: ByteString, _ shown: ByteString?) throws {
        let row = try #require(Settings.rows.first { $0.key == key })
        var settings = Settings()
        let problems = settings.apply(lines: key + " = " + value, from: "/f")
        #expect(problems.isEmpty == (shown != nil))
        #expect(row.show(settings) == shown ?? row.show(Settings()))
        if shown == nil {
            #expect(settings == Settings())
            #expect(problems.map(\.text) == ["/f:1: bad value for " + key + ": expected " + row.expects])
        }
    }

    @Test("Every value of every row, from the environment", arguments: values)
    func environment(_ key: ByteString, _ value: ByteString, _ shown: ByteString?) throws {
        let row = try #require(Settings.rows.first { $0.key == key })
        var settings = Settings()
        let problems = settings.apply(environment: [row.variable + "=" + value])
        #expect(row.show(settings) == shown ?? row.show(Settings()))
        let expected = "environment: bad value for " + row.variable + ": expected " + row.expects
        #expect(problems.map(\.text) == (shown == nil ? [expected] : []))
    }

    @Test("Each setting is tested with a valid and an invalid value")
    func complete() {
        #expect(Set(Self.values.filter { $0.shown != nil }.map(\.key)) == Set(Settings.rows.map(\.key)))
        #expect(Set(Self.values.filter { $0.shown == nil }.map(\.key)) == Set(Settings.rows.map(\.key)))
    }

    @Test("Names in the environment")
    func variables() {
        #expect(
            Settings.rows.map(\.variable) == [
                "SLIPWAY_DOCKER", "SLIPWAY_STORE", "SLIPWAY_STORE_MAX_SIZE", "SLIPWAY_STORE_MIN_FREE",
                "SLIPWAY_STORE_TRUSTED_USERS", "SLIPWAY_TRIM_AUTO",
                "SLIPWAY_TRIM_INTERVAL", "SLIPWAY_TRIM_MAX_SIZE", "SLIPWAY_BUILD_CACHE", "SLIPWAY_UNION_SCOPE",
                "SLIPWAY_UNION_OTHER_MAX_AGE",
                "SLIPWAY_PACKAGE_CACHE_MODE", "SLIPWAY_PATH_MAP", "SLIPWAY_PATH_WORKSPACE", "SLIPWAY_PATH_AUTO",
                "SLIPWAY_MODES", "SLIPWAY_EXPORT", "SLIPWAY_EXPORT_BEHIND_MAX_TIME",
                "SLIPWAY_EXPORT_BEHIND_MAX_PRESSURE", "SLIPWAY_RECORD", "SLIPWAY_RECORD_MAX_FILES",
                "SLIPWAY_RECORD_MAX_TIME", "SLIPWAY_FLIGHT", "SLIPWAY_FLIGHT_WAIT", "SLIPWAY_JOURNAL", "SLIPWAY_LINT",
                "SLIPWAY_PROFILE", "SLIPWAY_SANDBOX_PIDS",
                "SLIPWAY_SANDBOX_MEMORY", "SLIPWAY_SANDBOX_CPUS", "SLIPWAY_SANDBOX_CAPABILITIES",
                "SLIPWAY_SANDBOX_WORKSPACE", "SLIPWAY_REMOTE", "SLIPWAY_REMOTE_ROLE", "SLIPWAY_REMOTE_MODE",
                "SLIPWAY_REMOTE_WRITER",
                "SLIPWAY_REMOTE_MAX_FETCH", "SLIPWAY_REMOTE_INTERVAL", "SLIPWAY_REMOTE_WAIT", "SLIPWAY_REMOTE_INSECURE",
                "SLIPWAY_REMOTE_CLIENT", "SLIPWAY_BUILDER", "SLIPWAY_BUILDER_WAIT", "SLIPWAY_BUILDER_REGISTRY",
                "SLIPWAY_BUILDER_LOAD",
            ])
    }

    @Test("The defaults")
    func defaults() {
        let settings = Settings()
        #expect(settings.docker == nil && settings.store == nil && settings.minimumFree == nil)
        #expect(settings.maximumSize == 20_000_000_000 && settings.trustedUsers == [])
        #expect(settings.trimBudget == 16_000_000_000)
        var small = settings
        small.maximumSize = 10_000_000_000
        #expect(small.trimBudget == 8_000_000_000)
        #expect(settings.buildCache == .on && settings.packageCache == .view && settings.journal)
        #expect(!settings.waitsForFlights && settings.flightWait == nil)
        #expect(settings.profile == .off && settings.sandbox.pids == 300 && settings.sandbox.memory == 4 << 30)
        #expect(settings.sandbox.processors == 2_000_000_000 && settings.sandbox.capabilities.isEmpty)
        #expect(settings.lint == .journal)
        #expect(settings.builder == BuilderSettings())
        #expect(settings.builder.wait == 50_000_000)
        #expect(settings.builder.names == [] && settings.builder.registry == nil && settings.builder.load == .engine)
        #expect(settings.remote == RemoteSettings() && settings.remote.prefix == nil && settings.remote.role == .reader)
        #expect(!settings.remote.isInsecure && settings.remote.wait == nil && settings.remote.mode == .replicate)
        #expect(settings.modes == .report && settings.exports == .withBuild && settings.records)
        #expect(settings.recordedFiles == 50_000 && settings.recordingTime == 10_000_000_000)
    }

    @Test("An engine imports from the registry itself only if the mode says so")
    func direct() {
        var remote = RemoteSettings()
        remote.prefix = "registry.example.com/team"
        #expect(remote.directPrefix == nil)
        remote.mode = .direct
        #expect(remote.directPrefix == "registry.example.com/team")
    }

    @Test("A later value overrides an earlier one: the machine's file, the user's file, the environment")
    func precedence() {
        var settings = Settings()
        #expect(settings.apply(lines: "store = /a\nbuild-cache = off\njournal = off\nstore = /b", from: "/1").isEmpty)
        #expect(settings.apply(lines: "build-cache = import-only\nstore = bad", from: "/2").count == 1)
        #expect(
            settings.apply(environment: ["SLIPWAY_JOURNAL=on", "SLIPWAY_STORE=", "SLIPWAY_BUILD_CACHE=bad"]).count == 1)
        #expect(settings.store == "/b")
        #expect(settings.buildCache == .importOnly)
        #expect(settings.journal)
    }

    @Test("The format of a file")
    func format() {
        var settings = Settings()
        let text: ByteString =
            "# comment\r\n\n  store=/a b#c  \r\n\t# build-cache = off\nunknown = 1\nnonsense\njournal = off\n= x\nStore = /x\nstore"
        let problems = settings.apply(lines: text, from: "/f")
        #expect(settings.store == "/a b#c")
        #expect(settings.buildCache == .on)
        #expect(!settings.journal)
        #expect(problems.map(\.line) == [5, 6, 8, 9, 10])
        #expect(
            problems.map(\.text) == [
                "/f:5: no setting is called unknown", "/f:6: expected `key = value`", "/f:8: no setting is called ",
                "/f:9: no setting is called Store", "/f:10: expected `key = value`",
            ])
    }

    @Test("Only SLIPWAY_* variables count, except those that are not settings")
    func otherVariables() {
        var settings = Settings()
        let environment: [ByteString] = [
            "SLIPWAY=off", "SLIPWAY_TRACE=1", "SLIPWAY_PASSED=/x", "SLIPWAY_STORE", "PATH=/bin", "XSLIPWAY_STORE=/x",
            "", "=",
            "SLIPWAY_NONSENSE=secret",
        ]
        #expect(
            settings.apply(environment: environment).map(\.text) == [
                "environment: no setting is called SLIPWAY_NONSENSE"
            ])
        #expect(settings == Settings())
    }

    @Test("A value never appears in the message: it may be a secret, or longer than a line")
    func messages() {
        var settings = Settings()
        let problems =
            settings.apply(lines: "journal = SECRET", from: "/f")
            + settings.apply(environment: ["SLIPWAY_JOURNAL=SECRET"])
        #expect(problems.count == 2)
        #expect(problems.allSatisfy { $0.text.range(of: "SECRET") == nil })
    }
}
