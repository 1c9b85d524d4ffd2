import crypto from 'node:crypto'
import { createTestInstance, signTestArtifact, TEST_ARTIFACT } from '/work/main/tests/vectors/bundle/fixture.ts'
import { parseBundle } from '/work/main/packages/protocol/src/bundle/parseBundle.ts'
import { verifyBundle } from '/work/main/packages/protocol/src/bundle/verifyBundle.ts'
const inst = createTestInstance()
const N=100
const texts = Array.from({length:N},()=>signTestArtifact(inst))
const d = crypto.hash('sha256',TEST_ARTIFACT,'buffer')
const k=crypto.generateKeyPairSync('ec',{namedCurve:'P-256'}), e=crypto.generateKeyPairSync('ed25519')
const m=crypto.randomBytes(1000), s=crypto.sign('sha256',m,k.privateKey), es=crypto.sign(null,m,e.privateKey)
const leafSpkis=Array.from({length:N},()=>crypto.generateKeyPairSync('ec',{namedCurve:'P-256'}).publicKey.export({format:'der',type:'spki'}))
const time=(n:string,f:()=>void)=>{const t=process.cpuUsage();const w=performance.now();f();const u=process.cpuUsage(t);console.log(n,(u.user/N).toFixed(1),'us cpu', ((performance.now()-w)*1000/N).toFixed(1),'us wall'); return u.user/N}
const sums=()=>{for(let i=0;i<N;i++){for(let j=0;j<4;j++)crypto.verify('sha256',m,k.publicKey,s);crypto.verify(null,m,e.publicKey,es)}}
sums(); for(const t of texts.slice(0,300)) verifyBundle(parseBundle(t),d,inst.trustedRoot)

const R=15
for (let r=0;r<2;r++){
const a=1/R
const p=time('parse',()=>{for(let q=0;q<R;q++)for(const t of texts)parseBundle(t)})/R
const v=time('parse+verify',()=>{for(let q=0;q<R;q++)for(const t of texts) if(!verifyBundle(parseBundle(t),d,inst.trustedRoot).verified) throw 1})/R
console.log(a,p,v,'ratio with parse',(v/a).toFixed(2), 'without', ((v-p)/a).toFixed(2))
}
