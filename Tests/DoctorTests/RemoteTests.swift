import Formats
import Planning
import Remote
import Testing

@testable import Doctor

@Suite("The registry, for the doctor")
struct RemoteTests {
    @Test("What is in order, what is missing, and what failed")
    func judged() {
        var facts = RemoteFacts(prefix: "a.example.com/x", role: .writer, client: "/usr/bin/oras 1.3.3")
        #expect(facts.findings() == [Finding(.remoteInOrder, "a.example.com/x as writer, by /usr/bin/oras 1.3.3")])
        facts.failures = [("push", .forbidden, "denied")]
        #expect(facts.findings().map(\.check) == [.remoteFails])
        #expect(facts.findings()[0].detail.range(of: "SLP916") != nil)
        facts.obstacle = .clientMissing
        facts.failures = [("push", .clientMissing, ""), ("fetch", .clientMissing, "")]
        #expect(facts.findings().map(\.check) == [.remoteClientMissing])
        facts.obstacle = .clientTooOld
        #expect(facts.findings().first?.check == .remoteClientTooOld)
        #expect(RemoteFacts.gather(RemoteSettings()) == nil)
    }
}
