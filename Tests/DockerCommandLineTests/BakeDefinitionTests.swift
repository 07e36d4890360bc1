import DockerCommandLine
import Formats
import Testing

@Suite("Definitions")
struct BakeDefinitionTests {
    /// As compose 2.40 passes it.
    private static let composed: ByteString = """
        {"group":{"default":{"targets":["web","v_dot"]}},"target":{
        "base":{"context":"/p/base","dockerfile-inline":"FROM x\\nRUN echo ${HOME}","tags":["demo-base"],"output":["type=docker"]},
        "v_dot":{"context":"/p/ext","dockerfile":"/p/ext/Dockerfile","tags":["demo-v.dot"],"target":"last"},
        "web":{"context":"/p/web","contexts":{"base":"target:base","other":"/o"},"dockerfile":"Dockerfile",
        "args":{"A":"1","B":"me$x","C":null},"labels":{"l":"${no}"},"tags":["demo-web"],"secret":["id=t,type=env"],
        "platforms":["linux/amd64"],"cache-from":["type=registry,ref=r"],"no-cache":true}}}
        """

    private func names(_ definition: BakeDefinition?, _ names: [ByteString] = []) -> [ByteString]? {
        definition?.selected(by: names)?.map(\.name)
    }

    @Test("There is no definition if time runs out")
    func timeIsUp() {
        #expect(BakeDefinition("{\"target\":{\"a\":{}}}", until: Deadline { true }) == nil)
    }

    @Test("A name is looked up among targets first, and of groups with one name the first counts")
    func names() {
        let text: ByteString =
            "{\"group\":{\"a\":{\"targets\":[\"b\"]},\"g\":{\"targets\":[\"a\"]},\"g\":{\"targets\":[\"b\"]}},"
            + "\"target\":{\"a\":{},\"b\":{}}}"
        let definition = BakeDefinition(text)
        #expect(definition?.selected(by: ["g"])?.map(\.name) == ["a"])
        #expect(definition?.selected(by: ["a"])?.map(\.name) == ["a"])
    }

    @Test("What compose passes on")
    func compose() throws {
        let definition = try #require(BakeDefinition(Self.composed))
        #expect(definition.targets.map(\.name) == ["base", "v_dot", "web"])
        let (base, dotted, web) = (definition.targets[0], definition.targets[1], definition.targets[2])
        #expect(base.isInline && base.dockerfile == nil && base.context == "/p/base")
        #expect(dotted.target == "last" && dotted.dockerfile == "/p/ext/Dockerfile" && !dotted.isInline)
        #expect(web.arguments == ["A=1", "B=me$x", "C"] && web.buildContexts == ["base=target:base", "other=/o"])
        #expect(web.platforms == ["linux/amd64"] && web.tags == ["demo-web"] && web.noCache)
        #expect(web.cacheFrom == ["type=registry,ref=r"] && web.cacheTo == [])
    }

    @Test("Groups, targets, and what they are built from")
    func selection() throws {
        let definition = BakeDefinition(Self.composed)
        #expect(names(definition) == ["base", "v_dot", "web"])
        #expect(names(definition, ["v_dot"]) == ["v_dot"])
        #expect(names(definition, ["web", "web"]) == ["base", "web"])
        #expect(names(definition, ["nobody"]) == nil && names(definition, ["web", "v*"]) == nil)
        let groups = BakeDefinition(
            #"{"group":{"a":{"targets":["b","x"]},"b":{"targets":["a"]}},"target":{"x":{},"default":{}}}"#)
        #expect(names(groups) == ["default"] && names(groups, ["a"]) == ["x"])
        #expect(names(BakeDefinition(#"{"target":{"x":{}}}"#)) == nil)
        let missing = BakeDefinition(#"{"target":{"x":{"contexts":{"a":"target:y"}}}}"#)
        #expect(names(missing, ["x"]) == nil)
    }

    @Test("Entries of later versions may be objects")
    func entries() throws {
        let text: ByteString = """
            {"target":{"a":{"cache-from":[{"type":"local","src":"/x,y"},"user/app"],"cache-to":[{"type":"inline"}]}}}
            """
        let target = try #require(BakeDefinition(text)?.targets.first)
        #expect(target.cacheFrom == [#"type=local,"src=/x,y""#, "user/app"] && target.cacheTo == ["type=inline"])
        for odd in ["[1]", #"[{"type":1}]"#, "true"] as [ByteString] {
            #expect(BakeDefinition(#"{"target":{"a":{"cache-to":"# + odd + "}}}")?.targets.first?.cacheTo == nil)
        }
    }

    @Test(
        "A definition that bake would still evaluate is not read",
        arguments: [
            "", "null", "[]", "target \"a\" {}", #"{"target":[]}"#, #"{"variable":{"V":{}},"target":{"a":{}}}"#,
            #"{"function":{"f":{}}}"#, #"{"target":{"a":{"inherits":["b"]}}}"#, #"{"target":{"a":{"matrix":{}}}}"#,
            #"{"target":{"a":{"name":"x"}}}"#, #"{"target":{"a":{"context":"${V}"}}}"#,
            #"{"target":{"a":{"platforms":["%{if x}"]}}}"#, #"{"target":{"a":{"target":1}}}"#,
            #"{"target":{"a.b":{}}}"#, #"{"target":{"a*":{}}}"#, #"{"target":{"":{}}}"#, #"{"target":{"a":{},"a":{}}}"#,
            #"{"target":{"a":{"new-field":1}}}"#, #"{"group":{"g":{"targets":[1]}}}"#, #"{"group":{"g":{}}}"#,
            #"{"target":{"a":{"args":{"A":1}}}}"#, #"{"target":{"a":{"no-cache":"yes"}}}"#,
        ] as [ByteString])
    func unclear(_ text: ByteString) {
        #expect(BakeDefinition(text) == nil)
    }

    @Test("A null is the same as a missing member; a check is not a build")
    func fields() throws {
        let text: ByteString = #"{"target":{"a":{"context":null,"dockerfile":"","call":"build"},"b":{"call":"check"}}}"#
        let targets = try #require(BakeDefinition(text)?.targets)
        #expect(targets[0].context == "." && targets[0].dockerfile == nil && !targets[0].isPassThrough)
        #expect(targets[1].isPassThrough)
    }

    @Test(
        "No cache for some stages",
        arguments: [("null", false), ("[]", false), (#"["a"]"#, true), (#""a""#, true)] as [(ByteString, Bool)])
    func partlyAnew(value: ByteString, hasNoCacheFilter: Bool) throws {
        let text = #"{"target":{"a":{"no-cache-filter":"# + value + "}}}"
        #expect(try #require(BakeDefinition(text)?.targets.first).hasNoCacheFilter == hasNoCacheFilter)
        let project = #"{"services":{"a":{"build":{"context":"/p","no_cache_filter":"# + value + "}}}}"
        #expect(try #require(ComposeProject.builds(in: project)?.first).target.hasNoCacheFilter == hasNoCacheFilter)
    }

    @Test(
        "Whether a target requests more than the cache has, or is made from something that cannot be seen",
        arguments: [
            ("{}", false), (#"{"pull":null}"#, false), (#"{"pull":false,"no-cache":false,"contexts":{}}"#, false),
            (#"{"pull":true}"#, true), (#"{"pull":"yes"}"#, true), (#"{"no-cache":true}"#, true),
            (#"{"no-cache-filter":["a"]}"#, true), (#"{"contexts":{"a":"/a"}}"#, true),
            (#"{"contexts":{"a":"target:b"}}"#, true),
        ] as [(ByteString, Bool)])
    func askedAnew(_ fields: ByteString, isAskedAnew: Bool) throws {
        let target = try #require(BakeDefinition(#"{"target":{"a":"# + fields + "}}")?.targets.first)
        #expect(target.isAskedAnew == isAskedAnew)
    }

    @Test("What a target says, except its arguments, which may be secret")
    func others() throws {
        func others(_ fields: ByteString) throws -> ByteString {
            try #require(BakeDefinition(#"{"target":{"a":{"# + fields + "}}}")?.targets.first).others
        }
        let one = try others(#""args":{"A":"hunter2"},"secret":["id=t,src=token"],"target":"last""#)
        #expect(one.range(of: "hunter2") == nil && one.range(of: "id=t,src=token") != nil)
        #expect(try one == others(#""args":{"A":"other"},"secret":["id=t,src=token"],"target":"last""#))
        #expect(try one != others(#""args":{"A":"hunter2"},"secret":["id=t,src=other"],"target":"last""#))
        #expect(try one != others(#""secret":["id=t,src=token"],"target":"first""#))
    }

    @Test("Services become the targets that compose would make of them")
    func project() throws {
        let text: ByteString = """
            {"name":"demo","services":{"db":{"image":"postgres"},"v.dot":{"build":{"context":"/p","dockerfile":"Dockerfile"}},
            "web":{"image":"mine","build":{"context":"/w","dockerfile_inline":"FROM x","args":{"A":"1","B":null},"target":"t",
            "additional_contexts":{"c":"/c"},"cache_from":["a"],"cache_to":["b"],"no_cache":true,"labels":{"x":"y"},
            "ssh":["default"],"isolation":"x"}}},"volumes":{}}
            """
        let builds = try #require(ComposeProject.builds(in: text))
        #expect(builds.map(\.service) == ["v.dot", "web"] && builds.map(\.target.name) == ["v_dot", "web"])
        #expect(builds[0].target.tags == ["demo-v.dot"] && builds[0].target.dockerfile == "Dockerfile")
        let web = builds[1].target
        #expect(web.tags == ["mine"] && web.isInline && web.arguments == ["A=1", "B"] && web.target == "t")
        #expect(web.buildContexts == ["c=/c"] && web.cacheFrom == ["a"] && web.cacheTo == ["b"] && web.noCache)
        for odd in ["", "[]", #"{"services":{"a":{"build":"."}}}"#, #"{"services":{"a b":{"build":{}}}}"#]
            as [ByteString]
        {
            #expect(ComposeProject.builds(in: odd) == nil)
        }
    }
}
