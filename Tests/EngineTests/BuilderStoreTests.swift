import Formats
import Host
import Notes
import TestSupport
import Testing

@testable import Engine

@Suite("Builders") struct BuilderStoreTests {
    let folder: TemporaryFolder
    let store: BuilderStore

    init() throws {
        folder = try TemporaryFolder()
        store = BuilderStore(DockerEnvironment(buildxDirectory: folder.path), DockerConfiguration(directory: "/none"))
    }

    private func write(_ name: ByteString, driver: ByteString = "docker-container") throws {
        let json: JSON = .object(["Name": .string(name), "Driver": .string(driver), "Nodes": .array([])])
        try folder.write("instances/" + name.lowercasedASCII, json.text)
    }

    private func current(key: ByteString = "k") -> Result<ByteString?, EngineError> {
        Result { () throws(EngineError) in try store.current(key: key)?.name }
    }

    private func instance(_ name: ByteString) -> Result<ByteString?, EngineError> {
        Result { () throws(EngineError) in try store.instance(named: name)?.driver }
    }

    @Test("BUILDX_CONFIG, or else a directory beside config.json") func directory() {
        let configuration = DockerConfiguration(directory: "/c")
        #expect(BuilderStore(DockerEnvironment(buildxDirectory: "/b"), configuration).directory == "/b")
        #expect(BuilderStore(DockerEnvironment(buildxDirectory: ""), configuration).directory == "/c/buildx")
    }

    @Test(
        "The files that buildx writes",
        arguments: [
            (
                #"{"Name":"dc","Driver":"docker-container","Nodes":[{"Name":"dc0","Endpoint":"unix:///run/engine-a.sock","#
                    + #""Platforms":null,"DriverOpts":{"image":"x/y:1"},"Flags":["--debug"],"Files":null}],"Dynamic":false}"#,
                "dc", "docker-container"
            ),
            (#"{"Name":"Rem","Driver":"remote","Nodes":[{"Name":"a"},{"Name":"b"}],"Dynamic":true}"#, "Rem", "remote"),
            (#"{"Name":"k8","Driver":"kubernetes","Nodes":null}"#, "k8", "kubernetes"), (#"{"Name":"x"}"#, "x", ""),
        ] as [(ByteString, ByteString, ByteString)])
    func parse(text: ByteString, name: ByteString, driver: ByteString) {
        let instance = BuilderInstance(text)
        #expect(instance?.name == name)
        #expect(instance?.driver == driver)
    }

    @Test("Names are case-insensitive; an invalid name is not found") func names() throws {
        try write("Rem", driver: "remote")
        #expect(instance("rEM") == .success("remote"))
        #expect(instance("other") == .success(nil))
        try folder.write("instances/1x", "{")
        for bad in ["", "1x", "../instances/rem", "a/b", "rem\n", "ré", ".", "-a"] as [ByteString] {
            #expect(instance(bad) == .success(nil), "\(bad)")
        }
    }

    @Test(
        "An instance that buildx would refuse",
        arguments: [
            "", "{", "[]", "null", #"{"Name":"dc","Driver":1}"#, #"{"Name":[],"Driver":"remote"}"#,
            #"{"Name":"dc","Driver":"remote","Nodes":{}}"#, #"{"Name":"dc","Driver":"docker-container","No"#,
        ] as [ByteString])
    func malformed(text: ByteString) throws {
        try folder.write("instances/dc", text)
        #expect(instance("dc") == .failure(EngineError(.dockerConfigUnreadable, folder["instances/dc"])))
        try folder.write("current", #"{"Key":"k","Name":"dc","Global":false}"#)
        #expect(current().reason == .dockerConfigUnreadable)
    }

    @Test(
        "Anything but a file is a doubt",
        arguments: ["instances/dc", "current", "defaults/x", "activity/dc"] as [ByteString])
    func odd(name: ByteString) throws {
        let hash = SHA256.hexDigest(of: "k").prefix(20)
        for kind in OddFile.allCases {
            let folder = try TemporaryFolder()
            try folder.write("b/instances/dc", #"{"Name":"dc","Driver":"remote"}"#)
            if name != "defaults/x" { try folder.write("b/current", #"{"Key":"k","Name":"dc"}"#) }
            let path: ByteString = "b/" + (name == "defaults/x" ? "defaults/" + hash : name)
            try? Files.remove(folder[path])
            try kind.put(at: path, in: folder)
            let store = BuilderStore(
                DockerEnvironment(buildxDirectory: folder["b"]), DockerConfiguration(directory: "/none"))
            let found = Result { () throws(EngineError) in try store.current(key: "k")?.name }
            #expect(found.reason == .dockerConfigUnreadable, "\(kind)")
        }
    }

    @Test("A time of last use that buildx cannot read") func activity() throws {
        try write("dc")
        try folder.write("activity/dc", "2026-11-20T21:05:00Z")
        #expect(instance("dc") == .success("docker-container"))
        try folder.write("activity/dc", "")
        #expect(instance("dc").reason == .dockerConfigUnreadable)
        #expect(!BuilderStore.isTime("2026-11-20 21:05:00Z"))
    }

    @Test(
        "`current` counts for its own key, or for all",
        arguments: [
            (#"{"Key":"k","Name":"dc","Global":false}"#, "k", "dc"),
            (#"{"Key":"k","Name":"dc","Global":false}"#, "o", nil),
            (#"{"Key":"k","Name":"dc","Global":true}"#, "o", "dc"),
            (#"{"Key":"k","Name":"","Global":false}"#, "k", nil),
            (#"{"Key":"k","Name":"gone","Global":false}"#, "k", nil),
            (#"{"Key":"k","Name":"gone","Global":true}"#, "o", nil),
            (#"{"Key":"k","Name":"Not A Name","Global":true}"#, "k", nil), ("{}", "", nil),
        ] as [(ByteString, ByteString, ByteString?)])
    func currentFile(text: ByteString, key: ByteString, expected: ByteString?) throws {
        try write("dc")
        try folder.write("current", text)
        #expect(current(key: key) == .success(expected))
    }

    @Test("`defaults` comes after `current`") func defaults() throws {
        try write("dc")
        try write("rem", driver: "remote")
        // sha256("unix:///run/engine-a.sock")[:20]
        try folder.write("defaults/7e0d553c4e7257f63dc0", "rem")
        let key: ByteString = "unix:///run/engine-a.sock"
        #expect(current(key: key) == .success("rem"))
        #expect(current(key: "other") == .success(nil))
        try folder.write("current", #"{"Key":"unix:///run/engine-a.sock","Name":"dc","Global":false}"#)
        #expect(current(key: key) == .success("dc"))
        // A chosen builder that is gone hides the default, except if it was chosen for all.
        try Files.remove(folder["instances/dc"])
        #expect(current(key: key) == .success(nil))
        try folder.write("current", #"{"Key":"x","Name":"dc","Global":true}"#)
        #expect(current(key: key) == .success("rem"))
        try folder.write("defaults/7e0d553c4e7257f63dc0", "rem\n")
        #expect(current(key: key) == .success(nil))
    }

    @Test(
        "A torn `current`",
        arguments: [
            "", "{", "[]", #"{"Key":1}"#, #"{"Name":true}"#, #"{"Global":"yes"}"#, #"{"Key":"k","Name":"d"#,
        ] as [ByteString])
    func torn(text: ByteString) throws {
        try folder.write("current", text)
        #expect(current() == .failure(EngineError(.dockerConfigUnreadable, folder["current"])))
    }
}
