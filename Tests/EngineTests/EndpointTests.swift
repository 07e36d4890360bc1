import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

@Suite("Endpoints") struct EndpointTests {
    @Test(
        "An address of -H or DOCKER_HOST",
        arguments: [
            ("", "unix:///var/run/docker.sock", .unix("/var/run/docker.sock")),
            ("  \n", "unix:///var/run/docker.sock", .unix("/var/run/docker.sock")),
            ("unix://", "unix:///var/run/docker.sock", .unix("/var/run/docker.sock")),
            (" unix:///run/a.sock ", "unix:///run/a.sock", .unix("/run/a.sock")),
            ("unix://a.sock", "unix://a.sock", .unix("a.sock")),
            ("tcp://", "tcp://localhost:2375", .tcp(host: "localhost", port: 2375)),
            ("tcp://:1234", "tcp://localhost:1234", .tcp(host: "localhost", port: 1234)),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375", .tcp(host: "10.0.0.1", port: 2375)),
            ("tcp://10.0.0.1:", "tcp://10.0.0.1:2375", .tcp(host: "10.0.0.1", port: 2375)),
            ("dind:2375", "tcp://dind:2375", .tcp(host: "dind", port: 2375)),
            (":2375", "tcp://localhost:2375", .tcp(host: "localhost", port: 2375)),
            ("tcp://[::1]:4", "tcp://[::1]:4", .tcp(host: "::1", port: 4)),
            ("tcp://[::1]:", "tcp://[::1]:2375", .tcp(host: "::1", port: 2375)),
            ("ssh://u@h", "ssh://u@h", .notAsked(.ssh)),
            ("fd://3", "fd://3", .notAsked(.fileDescriptor)),
            ("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine", .notAsked(.namedPipe)),
        ] as [(ByteString, ByteString, Endpoint)])
    func address(value: ByteString, text: ByteString, endpoint: Endpoint) {
        let address = HostAddress(parsing: value, tls: false)
        #expect(address?.text == text)
        #expect(address?.endpoint == endpoint)
    }

    @Test(
        "What docker refuses, and what only Go's URL parser could read",
        arguments: [
            "http://h:1", "udp://127.0.0.1", "unix://unix://x", "tcp://tcp://x", "tcp://h:port", "tcp://h:0",
            "tcp://h:65536",
            "tcp://h:-1", "tcp://h:+1", "tcp://h:0x10", "tcp://h:1/path", "tcp://u@h:1", "tcp://h?x:1", "tcp://%68:1",
            "::1",
            "tcp://[::1]", "tcp://[::1", "tcp://[::1%25eth0]:1", "/var/run/docker.sock", "tcp://h:1:2", "://",
            "tcp://a b:1",
            "tcp://[h]:1",
        ] as [ByteString])
    func refused(value: ByteString) { #expect(HostAddress(parsing: value, tls: false) == nil) }

    @Test(
        "TLS is for TCP only",
        arguments: [
            ("", "tcp://localhost:2376", .notAsked(.tls)), ("tcp://h:1", "tcp://h:1", .notAsked(.tls)),
            ("unix:///a", "unix:///a", .unix("/a")), ("ssh://h", "ssh://h", .notAsked(.ssh)),
        ] as [(ByteString, ByteString, Endpoint)])
    func tls(value: ByteString, text: ByteString, endpoint: Endpoint) {
        let address = HostAddress(parsing: value, tls: true)
        #expect(address?.text == text)
        #expect(address?.endpoint == endpoint)
    }

    @Test(
        "Flags and variables that turn TLS on",
        arguments: [
            (nil, nil, nil, nil, false), (true, nil, nil, nil, true), (false, nil, "1", nil, false),
            (nil, nil, "0", nil, true), (nil, false, nil, nil, true), (nil, true, nil, nil, true),
            (false, nil, nil, "1", true), (nil, nil, "", "", false),
        ] as [(Bool?, Bool?, ByteString?, ByteString?, Bool)])
    func tlsFlags(tls: Bool?, verify: Bool?, tlsVariable: ByteString?, verifyVariable: ByteString?, expected: Bool) {
        let request = EngineRequest(tls: tls, tlsVerify: verify)
        let environment = DockerEnvironment(tls: tlsVariable, tlsVerify: verifyVariable)
        #expect(DockerContext.usesTLS(request, environment) == expected)
    }

    @Test("The machine's hosts file") func hostTable() {
        let table: ByteString = "# x localhost\n127.0.0.1\tLocalHost a # dind\n::1 localhost\n\n10.0.0.9  dind\r\njunk"
        #expect(HostTable.addresses(of: "localhost", in: table) == ["127.0.0.1", "::1"])
        #expect(HostTable.addresses(of: "DIND", in: table) == ["10.0.0.9"])
        #expect(HostTable.addresses(of: "junk", in: table) == [])
        #expect(HostTable.addresses(of: "", in: table) == [])
    }
}

@Suite("Contexts") struct DockerContextTests {
    @Test(
        "Which context counts",
        arguments: [
            ("flag", [], "host", "variable", "file", "flag"), (nil, ["h"], nil, "variable", "file", "default"),
            (nil, [""], nil, "variable", "file", "default"), (nil, [], "host", "variable", "file", "default"),
            (nil, [], nil, "variable", "file", "variable"), (nil, [], nil, nil, "file", "file"),
            ("", [], "", "", nil, "default"), ("", ["h"], nil, nil, nil, "default"),
            ("flag", ["h"], nil, nil, nil, nil), ("flag", [""], nil, nil, nil, nil),
            (nil, ["a", "a"], nil, nil, nil, nil),
        ] as [(ByteString?, [ByteString], ByteString?, ByteString?, ByteString?, ByteString?)])
    func name(
        flag: ByteString?, hosts: [ByteString], host: ByteString?, variable: ByteString?, file: ByteString?,
        expected: ByteString?
    ) {
        let request = EngineRequest(context: flag, hosts: hosts)
        let environment = DockerEnvironment(context: variable, host: host)
        let configuration = DockerConfiguration(directory: "/c", currentContext: file)
        let found = Result { () throws(EngineError) in try DockerContext.name(for: request, environment, configuration)
        }
        if let expected {
            #expect(found == .success(expected))
        } else {
            #expect(found.reason == .conflictingEndpoints)
        }
    }

    private func resolve(
        _ folder: TemporaryFolder, context: ByteString? = nil, hosts: [ByteString] = [], host: ByteString? = nil
    ) -> Result<DockerContext, EngineError> {
        let request = EngineRequest(context: context, hosts: hosts)
        return Result { () throws(EngineError) in
            try DockerContext.resolve(
                request, DockerEnvironment(host: host), DockerConfiguration(directory: folder.path))
        }
    }

    private func metaPath(_ name: ByteString) -> ByteString {
        "contexts/meta/" + SHA256.hexDigest(of: name) + "/meta.json"
    }

    @Test("The default context's key for buildx is its address") func defaultContext() throws {
        let folder = try TemporaryFolder()
        let viaFlag = try resolve(folder, hosts: ["unix:///a"], host: "unix:///b").get()
        #expect(viaFlag == DockerContext(name: "default", endpoint: .unix("/a"), builderKey: "unix:///a"))
        // An empty -H hides DOCKER_HOST; `--context default` does not.
        #expect(try resolve(folder, hosts: [""], host: "unix:///b").get().endpoint == .unix("/var/run/docker.sock"))
        #expect(try resolve(folder, context: "default", host: "unix:///b").get().endpoint == .unix("/b"))
        #expect(resolve(folder, host: "http://x").reason == .endpointInvalid)
    }

    @Test(
        "A context's file",
        arguments: [
            (#""Host":"unix:///run/a.sock""#, false, .unix("/run/a.sock")),
            (#""Host":"unix:///run/a.sock","SkipTLSVerify":true"#, true, .unix("/run/a.sock")),
            (#""Host":"tcp://10.1.1.1:2375""#, false, .tcp(host: "10.1.1.1", port: 2375)),
            (#""Host":"tcp://10.1.1.1:2376""#, true, .notAsked(.tls)),
            (#""Host":"tcp://10.1.1.1:2376","SkipTLSVerify":true"#, false, .notAsked(.tls)),
            (#""Host":"tcp://10.1.1.1""#, false, .notAsked(.other)), (#""Host":"tcp://h:""#, false, .notAsked(.other)),
            (#""Host":"ssh://u@h""#, false, .notAsked(.ssh)), (#""Host":"https://h:1""#, false, .notAsked(.tls)),
            (#""Host":"npipe:////./pipe/x""#, false, .notAsked(.namedPipe)),
            (#""Host":"fd://x""#, false, .notAsked(.fileDescriptor)), (#""Host":"/a""#, false, .notAsked(.other)),
            ("", false, .unix("/var/run/docker.sock")), (#""host":null"#, false, .unix("/var/run/docker.sock")),
        ] as [(ByteString, Bool, Endpoint)])
    func file(fields: ByteString, hasTLSFiles: Bool, endpoint: Endpoint) throws {
        let folder = try TemporaryFolder()
        try folder.write(
            metaPath("c"), #"{"Name":"c","Metadata":{},"Endpoints":{"docker":{"# + fields + "}}}")
        if hasTLSFiles { try folder.write("contexts/tls/" + SHA256.hexDigest(of: "c") + "/docker/ca.pem", "x") }
        let expected = DockerContext(name: "c", endpoint: endpoint, builderKey: "c")
        #expect(resolve(folder, context: "c") == .success(expected))
    }

    @Test("A missing context, or one with another name in it") func unknown() throws {
        let folder = try TemporaryFolder()
        #expect(resolve(folder, context: "c") == .failure(EngineError(.contextUnknown, "c")))
        #expect(resolve(folder, context: "../../x").reason == .contextUnknown)
        try folder.write(metaPath("c"), #"{"Name":"C","Endpoints":{"docker":{}}}"#)
        #expect(resolve(folder, context: "c").reason == .contextUnknown)
    }

    @Test(
        "A context's file that docker would refuse",
        arguments: [
            "", "{", "[]", #"{"Name":"c"}"#, #"{"Name":"c","Endpoints":{"Docker":{}}}"#,
            #"{"Name":"c","Endpoints":{"docker":null}}"#, #"{"Name":"c","Endpoints":{"docker":{"Host":1}}}"#,
            #"{"Name":"c","Endpoints":{"docker":{"SkipTLSVerify":"no"}}}"#, #"{"Name":1,"Endpoints":{"docker":{}}}"#,
            #"{"Name":"c","Endpoints":{"docker":{"Host":"unix:///a""#,
        ] as [ByteString])
    func malformed(text: ByteString) throws {
        let folder = try TemporaryFolder()
        try folder.write(metaPath("c"), text)
        #expect(resolve(folder, context: "c").reason == .dockerConfigUnreadable)
    }

    @Test("Something other than a file in place of a context's file", arguments: OddFile.allCases)
    func odd(file: OddFile) throws {
        let folder = try TemporaryFolder()
        try file.put(at: metaPath("c"), in: folder)
        #expect(resolve(folder, context: "c").reason == .dockerConfigUnreadable)
    }
}
