import Formats
import Notes
import Planning
import Testing

@Suite("Plans, shown")
struct PlanTests {
    @Test("As JSON")
    func json() {
        var plan = Plan.unchanged(["docker", "a b", ByteString([0xFF])], [Note(.bypassed), Note(.storeMissing, "/s")])
        let expected: ByteString =
            #"{"changed":false,"argv":["docker","a b","\#u{FFFD}"],"environment":{},"leases":[],"notes":["#
            + #"{"code":"SLP100","message":"SLIPWAY=off bypasses everything"},"#
            + #"{"code":"SLP301","message":"the store cannot be created: /s"}]}"#
        #expect(plan.json.text == expected)
        plan.leases = ["/l"]
        plan.edits = [
            .environment(EnvironmentChange(name: "A", value: "1")),
            .environment(EnvironmentChange(name: "B", value: nil)),
        ]
        #expect(plan.json[key: "changed"]?.bool == true)
        #expect(plan.json[key: "environment"] == .object(["A": .string("1"), "B": .null]))
        #expect(plan.json[key: "leases"] == .array([.string("/l")]))
        #expect(JSON(plan.json.text) != nil)
    }

    @Test("Edits: each at a position among the user's own words, whatever the others do")
    func edits() {
        func edited(_ edits: Edit...) -> [ByteString] { Plan(["d", "a", "b", "c"], edits: edits).arguments }
        #expect(edited() == ["d", "a", "b", "c"] && !Plan(["d"]).isChanged)
        #expect(edited(.insert(["1", "2"], after: 1)) == ["d", "a", "1", "2", "b", "c"])
        #expect(edited(.insert(["1"], after: 1), .insert(["2"], after: 1)) == ["d", "a", "2", "1", "b", "c"])
        #expect(edited(.insert(["1"], after: 0), .insert(["2"], after: 2)) == ["d", "1", "a", "b", "2", "c"])
        #expect(
            edited(.insert(["1"], after: 0), .replace(2, with: "B"), .replace(2, with: "X")) == [
                "d", "1", "a", "X", "c",
            ])
        #expect(edited(.insert(["1"], after: 9), .replace(9, with: "x")) == ["d", "a", "b", "c"])
        #expect(edited(.environment(EnvironmentChange(name: "A", value: nil))) == ["d", "a", "b", "c"])
    }

    @Test("As text: the command quoted for a shell, and then a line for each note")
    func text() {
        let plan = Plan.unchanged(["docker", "build", "."], [Note(.noCacheGiven)])
        #expect(plan.text == "docker build .\n  SLP106  --no-cache: nothing is imported\n")
    }

    @Test(
        "Words are quoted if a shell would change them",
        arguments: [
            ("docker", "docker"), ("--a=b/c:d,e@f%g+h-i_j.k", "--a=b/c:d,e@f%g+h-i_j.k"), ("", "''"), ("a b", "'a b'"),
            ("$x", "'$x'"), ("a'b", #"'a'\''b'"#), ("'", #"''\'''"#), ("\"", "'\"'"), ("~", "'~'"), ("*", "'*'"),
            ("a\nb", #"$'a\nb'"#), ("\u{1B}[31m'\\", #"$'\x1b[31m\'\\'"#), ("\u{7F}", #"$'\x7f'"#),
            ("\u{E9}", "'\u{E9}'"), ("#", "'#'"), ("!", "'!'"), ("\\", "'\\'"),
        ] as [(ByteString, ByteString)])
    func quoting(_ word: ByteString, _ quoted: ByteString) {
        #expect(Plan.unchanged([word], []).text == quoted + "\n")
    }

    @Test("Changes to an environment")
    func environment() {
        let before: [ByteString] = ["A=1", "AB=2", "odd", "A=3", "C=", ""]
        func apply(_ changes: EnvironmentChange...) -> [ByteString] { EnvironmentChange.apply(changes, to: before) }
        #expect(apply() == before)
        #expect(apply(EnvironmentChange(name: "A", value: "x=y")) == ["AB=2", "odd", "C=", "", "A=x=y"])
        #expect(apply(EnvironmentChange(name: "A", value: nil)) == ["AB=2", "odd", "C=", ""])
        #expect(apply(EnvironmentChange(name: "D", value: "")) == before + ["D="])
        #expect(apply(EnvironmentChange(name: "D", value: nil)) == before)
        #expect(
            apply(EnvironmentChange(name: "C", value: "1"), EnvironmentChange(name: "C", value: "2")).suffix(1) == [
                "C=2"
            ])
    }
}
