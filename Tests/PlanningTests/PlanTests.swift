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
            + #"{"code":"SLP301","message":"the store cannot be made: /s"}]}"#
        #expect(plan.json.text == expected)
        plan.isChanged = true
        plan.leases = ["/l"]
        plan.environment = [EnvironmentChange(name: "A", value: "1"), EnvironmentChange(name: "B", value: nil)]
        #expect(plan.json[key: "changed"]?.bool == true)
        #expect(plan.json[key: "environment"] == .object(["A": .string("1"), "B": .null]))
        #expect(plan.json[key: "leases"] == .array([.string("/l")]))
        #expect(JSON(plan.json.text) != nil)
    }

    @Test("As text: the command as a shell would take it, then a line for each note")
    func text() {
        let plan = Plan.unchanged(["docker", "build", "."], [Note(.noCacheGiven)])
        #expect(plan.text == "docker build .\n  SLP106  --no-cache: nothing is imported\n")
    }

    @Test(
        "Words are quoted where a shell would change them",
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
